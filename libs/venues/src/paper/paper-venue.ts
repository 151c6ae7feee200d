import { amountText } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import { type Venue, VenueUnreachable } from '../port/venue.js';
import {
  type CancelAllResult,
  type CancelResult,
  type CancelScope,
  ORDER_TYPES,
  type OrderBook,
  type OrderIntent,
  type PreparedOrder,
  type ResolveResult,
  type SubmitOptions,
  type SubmitResult,
  TIMES_IN_FORCE,
  type VenueBalances,
  type VenueCapabilities,
  type VenueFillPage,
  type VenueHealth,
  type VenueMarket,
  type VenueMarketPage,
  type VenueOrder,
  type VenueOrderReference,
  type VenuePosition,
  type VenueSettlementPage,
  type Watermark,
} from '../port/venue.types.js';
import type { PaperOrder } from './exchange.types.js';
import type { Level } from './matching/book.js';
import { PaperNetwork } from './paper-network.js';
import { PaperReads } from './paper-reads.js';
import { PaperRecords } from './paper-records.js';
import { PaperSubmissions, READ_LAG_MS } from './paper-submissions.js';
import { PAPER, marketOf, venueMarketOf, venueOrderOf } from './rows.js';

const MARKETS_PER_PAGE = 200;
const CANCEL_REASON = 'CANCEL_REQUESTED';

/**
 * The paper venue behind the port. It lives in the tables `paper_…`, so that every process meets the same one, and keeps records of
 * its own: nothing of the ledger is read or written.
 */
@Injectable()
export class PaperVenue implements Venue {
  readonly name = PAPER;
  readonly mode = 'paper' as const;
  readonly account = 'default';

  constructor(
    private readonly records: PaperRecords,
    private readonly reads: PaperReads,
    private readonly network: PaperNetwork,
    private readonly submissions: PaperSubmissions,
  ) {}

  capabilities(): VenueCapabilities {
    return {
      orderTypes: ORDER_TYPES,
      timesInForce: TIMES_IN_FORCE,
      minimumGoodForMs: 0,
      postOnly: true,
      reduceOnly: true,
      batchSize: 1,
      deadMan: 'none',
      clientIdIdempotency: true,
      netsOutcomes: false,
      readLagMs: READ_LAG_MS,
    };
  }

  listMarkets(cursor?: string): Promise<VenueMarketPage> {
    return this.network.exchange(async () => {
      const found = await this.reads.markets(MARKETS_PER_PAGE + 1, cursor, true);
      const shown = found.slice(0, MARKETS_PER_PAGE);
      const nextCursor = found.length > MARKETS_PER_PAGE ? (shown.at(-1)?.id ?? null) : null;
      return { markets: shown.map((row) => venueMarketOf(marketOf(row))), nextCursor };
    });
  }

  getMarket(market: string): Promise<VenueMarket | null> {
    return this.network.exchange(async () => {
      const found = await this.reads.market(market);
      return found === null ? null : venueMarketOf(found);
    });
  }

  getBook(market: string, outcome: string): Promise<OrderBook | null> {
    return this.network.exchange(async () => {
      const found = await this.reads.market(market);
      const book = found?.outcomes.get(outcome)?.book;
      if (book === undefined) return null;
      return { market, outcome, bids: book.bids.map(levelOf), asks: book.asks.map(levelOf), at: new Date() };
    });
  }

  prepareOrder({ orderId, expiresAt, ...intent }: OrderIntent): PreparedOrder {
    return { dedupeKey: orderId, payload: { ...intent, expiresAt: expiresAt?.toISOString() ?? null } };
  }

  submit(prepared: PreparedOrder, options: SubmitOptions): Promise<SubmitResult> {
    return this.submissions.submit(prepared, options);
  }

  resolve(dedupeKey: string): Promise<ResolveResult> {
    return this.network.exchange(async () => {
      await this.records.expire();
      const order = await this.reads.order(dedupeKey);
      return order === null ? { kind: 'NOT_FOUND' } : { kind: 'FOUND', order: venueOrderOf(order) };
    });
  }

  async cancel({ dedupeKey }: VenueOrderReference): Promise<CancelResult> {
    try {
      return await this.network.exchange(() =>
        this.records.change<CancelResult>({ keys: [dedupeKey] }, (exchange) => {
          const order = exchange.state.known.get(dedupeKey);
          if (order === undefined) return { kind: 'NOT_FOUND' };
          const kind = exchange.end([order], 'CANCELED', CANCEL_REASON).length > 0 ? 'CANCELED' : 'ALREADY_FINISHED';
          return { kind, order: venueOrderOf(order) };
        }),
      );
    } catch (error) {
      return { kind: 'UNKNOWN', message: messageOf(error) };
    }
  }

  async cancelAll(scope: CancelScope): Promise<CancelAllResult> {
    const { market, side, dedupeKeys } = scope;
    const isMeant = (order: PaperOrder) =>
      (market === undefined || order.market === market) &&
      (side === undefined || order.side === side) &&
      (dedupeKeys === undefined || dedupeKeys.includes(order.clientKey));
    const touched =
      dedupeKeys === undefined ? { orders: market === undefined ? {} : { market } } : { keys: dedupeKeys };
    try {
      const canceled = await this.network.exchange(() =>
        this.records.change(touched, (exchange) => {
          const meant = [...exchange.state.orders.values()].filter(isMeant);
          return exchange.end(meant, 'CANCELED', CANCEL_REASON).map(venueOrderOf);
        }),
      );
      return { isComplete: true, canceled, failed: [], unknown: [] };
    } catch {
      return { isComplete: false, canceled: [], failed: [], unknown: [] };
    }
  }

  listOpenOrders(market?: string): Promise<readonly VenueOrder[]> {
    return this.network.exchange(async () => {
      await this.records.expire();
      return (await this.reads.workingOrders(market)).map(venueOrderOf);
    });
  }

  listFills(since: Watermark): Promise<VenueFillPage> {
    return this.network.exchange(() => this.reads.fillsAfter(since));
  }

  getPositions(): Promise<readonly VenuePosition[]> {
    return this.network.exchange(() => this.reads.positions());
  }

  getBalances(): Promise<VenueBalances> {
    return this.network.exchange(async () => {
      await this.records.expire();
      return this.reads.balances();
    });
  }

  listSettlements(since: Watermark): Promise<VenueSettlementPage> {
    return this.network.exchange(() => this.reads.settlementsAfter(since));
  }

  armDeadMan(): Promise<boolean> {
    return Promise.resolve(false);
  }

  beat(): Promise<void> {
    return this.network.exchange(() => Promise.resolve());
  }

  async health(): Promise<VenueHealth> {
    try {
      const { mode } = await this.network.exchange(() => this.reads.behaviour());
      const state = mode === 'post-only' ? 'POST_ONLY' : mode === 'cancel-only' ? 'CANCEL_ONLY' : 'OPEN';
      return { state, message: null };
    } catch (error) {
      return { state: 'UNREACHABLE', message: messageOf(error) };
    }
  }
}

function levelOf({ price, quantity }: Level) {
  return { price: amountText(price), quantity: amountText(quantity) };
}

function messageOf(error: unknown): string {
  return error instanceof VenueUnreachable ? error.message : 'the venue failed';
}
