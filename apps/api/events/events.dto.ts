import { EVENT_SEVERITIES, type EventName, type OpsEventView, type Severity } from '@interlock/ops-events';
import { Id, OneOf, Optional } from '../http/constraints.js';
import { PageQuery } from '../http/page.dto.js';

export class EventsQuery extends PageQuery {
  @Optional()
  @OneOf(['info', 'warning', 'critical'] satisfies Severity[])
  severity?: Severity;

  @Optional()
  @OneOf(Object.keys(EVENT_SEVERITIES))
  event?: EventName;

  /** Events of this run. */
  @Optional()
  @Id()
  runId?: string;
}

export class EventAnswer {
  id!: string;

  event!: EventName;

  severity!: Severity;

  /** ISO 8601, UTC. */
  at!: string;

  /** The part of the system that reports. */
  source!: string;

  runId?: string;

  jobId?: string;

  reason?: string;

  /** Who caused it; absent when it was the system. */
  actor?: string;

  details!: Record<string, unknown>;
}

export class EventsAnswer {
  ok!: true;

  /** Newest first. */
  items!: EventAnswer[];

  /** For the next page; null on the last one. */
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
