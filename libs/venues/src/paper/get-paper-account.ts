import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { VenueBalances, VenuePosition } from '../port/venue.types.js';
import { PaperReads } from './paper-reads.js';
import { PaperRecords } from './paper-records.js';

export interface PaperAccount extends VenueBalances {
  /** What is held, by market and outcome. */
  readonly positions: readonly VenuePosition[];
}

/** The account as the paper venue has it. */
export class GetPaperAccount extends Query<PaperAccount> {}

@QueryHandler(GetPaperAccount)
export class GetPaperAccountHandler implements IQueryHandler<GetPaperAccount> {
  constructor(
    private readonly reads: PaperReads,
    private readonly records: PaperRecords,
  ) {}

  async execute(): Promise<PaperAccount> {
    await this.records.expire();
    const [balances, positions] = await Promise.all([this.reads.balances(), this.reads.positions()]);
    return { ...balances, positions };
  }
}
