import { EVENT_SEVERITIES, type EventName, type OpsEventView, type Severity } from '@interlock/ops-events';
import { ApiProperty } from '@nestjs/swagger';
import { ANY_OBJECT, ID, OK, TIME } from '../docs/fields.js';
import { Id, OneOf, Optional } from '../http/constraints.js';
import { NEXT_CURSOR, PageQuery } from '../http/page.dto.js';

const SEVERITIES = ['info', 'warning', 'critical'] satisfies Severity[];
const EVENTS = Object.keys(EVENT_SEVERITIES);

export class EventsQuery extends PageQuery {
  /** Only events of this severity. */
  @Optional()
  @OneOf(SEVERITIES)
  severity?: Severity;

  /** Only events of this name. */
  @Optional()
  @OneOf(EVENTS)
  event?: EventName;

  /** Only events of this run. */
  @Optional()
  @Id()
  runId?: string;
}

export class EventAnswer {
  @ApiProperty(ID)
  id!: string;

  @ApiProperty({ enum: EVENTS })
  event!: EventName;

  /** Critical ones are posted to ALERT_WEBHOOK_URL. */
  @ApiProperty({ enum: SEVERITIES })
  severity!: Severity;

  /** When it happened. */
  @ApiProperty(TIME)
  at!: string;

  /**
   * The part of the system that reports.
   * @example 'worker'
   */
  @ApiProperty()
  source!: string;

  /** Absent when it is not about a run. */
  @ApiProperty(ID)
  runId?: string;

  @ApiProperty(ID)
  jobId?: string;

  /** One sentence, where there is more to say. */
  @ApiProperty()
  reason?: string;

  /** Who caused it; absent when it was the system. */
  @ApiProperty()
  actor?: string;

  /** Numbers and names that go with the event. */
  @ApiProperty(ANY_OBJECT)
  details!: Record<string, unknown>;
}

export class EventsAnswer {
  @ApiProperty(OK)
  ok!: true;

  /** Newest first. */
  @ApiProperty()
  items!: EventAnswer[];

  /** For the next page; null on the last one. */
  @ApiProperty(NEXT_CURSOR)
  nextCursor!: string | null;
}

/** Leaves out what the event does not have. */
export function eventAnswer({ runId, jobId, reason, actor, ...event }: OpsEventView): EventAnswer {
  return {
    ...event,
    ...(runId === null ? {} : { runId }),
    ...(jobId === null ? {} : { jobId }),
    ...(reason === null ? {} : { reason }),
    ...(actor === null ? {} : { actor }),
  };
}
