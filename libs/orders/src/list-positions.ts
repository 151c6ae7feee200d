import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { PositionKey } from './ledger/entries.js';
import { type PositionRow, type PositionView, positionViewOf } from './position-view.js';

export interface PositionFilter {
  readonly strategy?: string;
  readonly venue?: string;
  readonly market?: string;
  /** True: also those that hold nothing. */
  readonly flat: boolean;
}

export interface PositionPage {
  readonly items: PositionView[];
  /** Key of the last item when there are more. */
  readonly nextCursor: PositionKey | null;
}

/** Positions in the order of their keys. `limit` is from 1 to 200; `after` is the key after which the page starts. */
export class ListPositions extends Query<PositionPage> {
  constructor(
    readonly filter: PositionFilter,
    readonly limit: number,
    readonly after?: PositionKey,
  ) {
    super();
  }
}

@QueryHandler(ListPositions)
export class ListPositionsHandler implements IQueryHandler<ListPositions> {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  async execute({ filter, limit, after }: ListPositions): Promise<PositionPage> {
    const { strategy = null, venue = null, market = null, flat } = filter;
    const key = after && [after.strategy, after.venue, after.account, after.market, after.outcome];
    const found = await this.dataSource.query<PositionRow[]>(
      `SELECT strategy, venue, account, market, outcome, quantity::text, cost_basis::text AS "costBasis",
              realized_pnl::text AS "realizedPnl", p.fees::text, working_buy::text AS "workingBuy", working_sell::text AS "workingSell",
              q.best_bid::text AS mark, p.updated_at AS "updatedAt"
       FROM positions AS p LEFT JOIN market_quotes AS q USING (venue, market, outcome)
       WHERE ($1 OR quantity > 0)
         AND ($2::text IS NULL OR strategy = $2) AND ($3::text IS NULL OR venue = $3) AND ($4::text IS NULL OR market = $4)
         ${key === undefined ? '' : 'AND (strategy, venue, account, market, outcome) > ($6, $7, $8, $9, $10)'}
       ORDER BY strategy, venue, account, market, outcome LIMIT $5`,
      [flat, strategy, venue, market, limit + 1, ...(key ?? [])],
    );
    const last = found.length > limit ? found[limit - 1] : undefined;
    return { items: found.slice(0, limit).map(positionViewOf), nextCursor: last === undefined ? null : keyIn(last) };
  }
}

function keyIn({ strategy, venue, account, market, outcome }: PositionKey): PositionKey {
  return { strategy, venue, account, market, outcome };
}
