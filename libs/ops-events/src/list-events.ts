import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { InjectRepository } from '@nestjs/typeorm';
import { LessThan, Repository } from 'typeorm';
import type { EventName, OpsEventView, Severity } from './ops-event.js';
import { OpsEventEntity } from './ops-event.entity.js';

/** What is asked for; what is absent or undefined is not asked for. */
export interface EventFilter {
  severity?: Severity;
  event?: EventName;
  runId?: string;
}

export interface EventPage {
  items: OpsEventView[];
  /** Id of the last item when there are more. */
  nextCursor: string | null;
}

/** Events, newest first. `limit` is from 1 to 200; `before` is the id after which the page starts. */
export class ListEvents extends Query<EventPage> {
  constructor(
    readonly filter: EventFilter,
    readonly limit: number,
    readonly before?: string,
  ) {
    super();
  }
}

@QueryHandler(ListEvents)
export class ListEventsHandler implements IQueryHandler<ListEvents> {
  constructor(@InjectRepository(OpsEventEntity) private readonly events: Repository<OpsEventEntity>) {}

  async execute({ filter, limit, before }: ListEvents): Promise<EventPage> {
    const found = await this.events.find({
      where: { ...filter, ...(before === undefined ? {} : { id: LessThan(before) }) },
      order: { id: 'DESC' },
      take: limit + 1,
    });
    const items = found.slice(0, limit).map(viewOf);
    return { items, nextCursor: found.length > limit ? (items.at(-1)?.id ?? null) : null };
  }
}

function viewOf({
  id,
  event,
  severity,
  at,
  source,
  runId,
  jobId,
  reason,
  actor,
  details,
}: OpsEventEntity): OpsEventView {
  return { id, event, severity, at: at.toISOString(), source, runId, jobId, reason, actor, details };
}
