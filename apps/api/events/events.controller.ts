import { type EventFilter, ListEvents } from '@interlock/ops-events';
import { Controller, Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Access } from '../http/access.decorator.js';
import { listAnswer, pageOf } from '../http/page.dto.js';
import { eventsExample } from './events.examples.js';
import { eventAnswer, EventsAnswer, EventsQuery } from './events.dto.js';

@ApiTags('Events')
@Controller('api/events')
export class EventsController {
  constructor(private readonly queries: QueryBus) {}

  /** Operational events, newest first. */
  @Get()
  @Access('observer')
  @ApiOkResponse({ type: EventsAnswer, description: 'A page of events.', example: eventsExample })
  async listEvents(@Query() query: EventsQuery): Promise<EventsAnswer> {
    const { limit, before } = pageOf(query);
    const page = await this.queries.execute(new ListEvents(filterOf(query), limit, before));
    return listAnswer({ ...page, items: page.items.map(eventAnswer) });
  }
}

function filterOf({ severity, event, runId }: EventsQuery): EventFilter {
  return {
    ...(severity === undefined ? {} : { severity }),
    ...(event === undefined ? {} : { event }),
    ...(runId === undefined ? {} : { runId }),
  };
}
