import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { type PaperMarketView, paperMarketView } from './paper-market-view.js';
import { type Page, pageOf } from './page.js';
import { PaperReads } from './paper-reads.js';
import { marketOf } from './rows.js';

/** Markets of the paper venue, newest first. `limit` is from 1 to 200; `before` is the id after which the page starts. */
export class ListPaperMarkets extends Query<Page<PaperMarketView>> {
  constructor(
    readonly limit: number,
    readonly before?: string,
  ) {
    super();
  }
}

@QueryHandler(ListPaperMarkets)
export class ListPaperMarketsHandler implements IQueryHandler<ListPaperMarkets> {
  constructor(private readonly reads: PaperReads) {}

  async execute({ limit, before }: ListPaperMarkets): Promise<Page<PaperMarketView>> {
    return pageOf(await this.reads.markets(limit + 1, before), limit, (row) => paperMarketView(marketOf(row)));
  }
}
