import { plainAmount } from '@interlock/persistence';
import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { InjectRepository } from '@nestjs/typeorm';
import { And, Equal, type FindOperator, In, LessThan, Raw, Repository } from 'typeorm';
import { FillEntity, type Finality } from './fill.entity.js';

/** A fill as it is shown. Amounts are plain decimal text, times ISO 8601 UTC. A settlement has no order. */
export interface FillView extends Omit<FillEntity, 'id' | 'mode' | 'executedAt' | 'bookedAt'> {
  readonly fillId: string;
  readonly executedAt: string;
  readonly bookedAt: string;
}

export interface FillFilter {
  readonly strategy?: string;
  readonly venue?: string;
  readonly market?: string;
  readonly orderId?: string;
  /** Of the run whose orders were filled. */
  readonly runId?: string;
  /** Any of these; absent: all. */
  readonly finalities?: readonly Finality[];
}

export interface FillPage {
  readonly items: FillView[];
  /** Id of the last item when there are more. */
  readonly nextCursor: string | null;
}

/** Fills, newest first. `limit` is from 1 to 200; `before` is the id after which the page starts. */
export class ListFills extends Query<FillPage> {
  constructor(
    readonly filter: FillFilter,
    readonly limit: number,
    readonly before?: string,
  ) {
    super();
  }
}

@QueryHandler(ListFills)
export class ListFillsHandler implements IQueryHandler<ListFills> {
  constructor(@InjectRepository(FillEntity) private readonly fills: Repository<FillEntity>) {}

  async execute({ filter, limit, before }: ListFills): Promise<FillPage> {
    const { orderId, runId, finalities, ...equal } = filter;
    const found = await this.fills.find({
      where: {
        ...equal,
        ...(finalities === undefined ? {} : { finality: In([...finalities]) }),
        ...(orderId === undefined && runId === undefined ? {} : { orderId: ofOrder(orderId, runId) }),
        ...(before === undefined ? {} : { id: LessThan(before) }),
      },
      order: { id: 'DESC' },
      take: limit + 1,
    });
    const items = found.slice(0, limit).map(fillViewOf);
    return { items, nextCursor: found.length > limit ? (items.at(-1)?.fillId ?? null) : null };
  }
}

function ofOrder(orderId: string | undefined, runId: string | undefined): FindOperator<string> {
  const byRun = Raw((column) => `${column} IN (SELECT o.id FROM orders AS o WHERE o.run_id = :runId)`, { runId });
  if (orderId === undefined) return byRun;
  return runId === undefined ? Equal(orderId) : And(Equal(orderId), byRun);
}

function fillViewOf({
  id,
  orderId,
  strategy,
  venue,
  venueTradeId,
  market,
  outcome,
  side,
  ...fill
}: FillEntity): FillView {
  return {
    fillId: id,
    orderId,
    strategy,
    venue,
    venueTradeId,
    market,
    outcome,
    side,
    price: plainAmount(fill.price),
    quantity: plainAmount(fill.quantity),
    fee: plainAmount(fill.fee),
    liquidity: fill.liquidity,
    finality: fill.finality,
    realizedPnl: plainAmount(fill.realizedPnl),
    executedAt: fill.executedAt.toISOString(),
    bookedAt: fill.bookedAt.toISOString(),
  };
}
