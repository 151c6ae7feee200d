import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { VenueOrder } from '../port/venue.types.js';
import { type Page, pageOf } from './page.js';
import { type OrderFilter, PaperReads } from './paper-reads.js';
import { PaperRecords } from './paper-records.js';
import { venueOrderOf } from './rows.js';

/** Orders as the paper venue has them, newest first. `limit` is from 1 to 200; `before` is the id after which the page starts. */
export class ListPaperOrders extends Query<Page<VenueOrder>> {
  constructor(
    readonly filter: OrderFilter,
    readonly limit: number,
    readonly before?: string,
  ) {
    super();
  }
}

@QueryHandler(ListPaperOrders)
export class ListPaperOrdersHandler implements IQueryHandler<ListPaperOrders> {
  constructor(
    private readonly reads: PaperReads,
    private readonly records: PaperRecords,
  ) {}

  async execute({ filter, limit, before }: ListPaperOrders): Promise<Page<VenueOrder>> {
    await this.records.expire();
    return pageOf(await this.reads.orders(filter, limit + 1, before), limit, venueOrderOf);
  }
}
