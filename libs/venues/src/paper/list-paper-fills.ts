import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { type Page, pageOf } from './page.js';
import { type ListedFill, PaperReads } from './paper-reads.js';

/** Fills as the paper venue has them, newest first. `limit` is from 1 to 200; `before` is the id after which the page starts. */
export class ListPaperFills extends Query<Page<ListedFill>> {
  constructor(
    readonly limit: number,
    readonly before?: string,
  ) {
    super();
  }
}

@QueryHandler(ListPaperFills)
export class ListPaperFillsHandler implements IQueryHandler<ListPaperFills> {
  constructor(private readonly reads: PaperReads) {}

  async execute({ limit, before }: ListPaperFills): Promise<Page<ListedFill>> {
    return pageOf(await this.reads.fills(limit + 1, before), limit, (fill) => fill);
  }
}
