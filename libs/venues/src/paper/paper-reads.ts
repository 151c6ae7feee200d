import { Settings } from '@interlock/config';
import { amount, amountText } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { isAtOrPast } from '../port/certainty.js';
import {
  FROM_THE_START,
  type VenueBalances,
  type VenueFill,
  type VenueFillPage,
  type VenuePosition,
  type VenueSettlement,
  type VenueSettlementPage,
  type Watermark,
} from '../port/venue.types.js';
import type { MarketState, PaperBehaviour, PaperOrder } from './exchange.types.js';
import { BEHAVIOUR_COLUMNS, IS_WORKING, MARKET_COLUMNS, ORDER_COLUMNS } from './records.sql.js';
import { marketOf, type MarketRow, orderOf, type OrderRow } from './rows.js';

const PAGE = 500;

export interface OrderFilter {
  readonly market?: string;
  readonly working?: boolean;
}

/** A fill with its id in lists. */
export interface ListedFill {
  readonly id: string;
  readonly venueTradeId: string;
  readonly venueOrderId: string;
  readonly price: string;
  readonly quantity: string;
  readonly fee: string;
  readonly executedAt: Date;
}

/** Reads the paper venue's records. */
@Injectable()
export class PaperReads {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly settings: Settings,
  ) {}

  async behaviour(): Promise<PaperBehaviour> {
    return (await this.behaviourNow()).behaviour;
  }

  /** With what time it is by the venue's clock, which need not be that of this process. */
  async behaviourNow(): Promise<{ behaviour: PaperBehaviour; now: Date }> {
    const [row] = await this.dataSource.query<(PaperBehaviour & { ordersJudged: number; now: Date })[]>(
      `SELECT ${BEHAVIOUR_COLUMNS}, clock_timestamp() AS now FROM paper_behaviour`,
    );
    if (row === undefined) throw new Error('the paper venue has no behaviour');
    const { ordersJudged: _, now, ...behaviour } = row;
    return { behaviour, now };
  }

  async market(market: string): Promise<MarketState | null> {
    const [row] = await this.dataSource.query<MarketRow[]>(
      `SELECT ${MARKET_COLUMNS} FROM paper_markets AS m WHERE m.market = $1`,
      [market],
    );
    return row === undefined ? null : marketOf(row);
  }

  /** Newest first; `before` is the id after which they start. */
  async markets(limit: number, before?: string, unsettledOnly = false): Promise<MarketRow[]> {
    return this.dataSource.query(
      `SELECT ${MARKET_COLUMNS} FROM paper_markets AS m
       WHERE ($2::uuid IS NULL OR m.id < $2) AND NOT ($3 AND m.settled_at IS NOT NULL) ORDER BY m.id DESC LIMIT $1`,
      [limit, before ?? null, unsettledOnly],
    );
  }

  async order(clientKey: string): Promise<PaperOrder | null> {
    const [row] = await this.dataSource.query<OrderRow[]>(
      `SELECT ${ORDER_COLUMNS} FROM paper_orders AS o WHERE o.client_key = $1`,
      [clientKey],
    );
    return row === undefined ? null : orderOf(row);
  }

  /** Working orders in the order of their arrival. */
  async workingOrders(market?: string): Promise<PaperOrder[]> {
    const rows = await this.dataSource.query<OrderRow[]>(
      `SELECT ${ORDER_COLUMNS} FROM paper_orders AS o
       WHERE ${IS_WORKING} AND ($1::text IS NULL OR o.market = $1) ORDER BY o.arrival`,
      [market ?? null],
    );
    return rows.map(orderOf);
  }

  /** Newest first; `before` is the id after which they start. */
  async orders({ market, working }: OrderFilter, limit: number, before?: string): Promise<PaperOrder[]> {
    const rows = await this.dataSource.query<OrderRow[]>(
      `SELECT ${ORDER_COLUMNS} FROM paper_orders AS o
       WHERE ($2::text IS NULL OR o.market = $2) AND ($3::boolean IS NULL OR (${IS_WORKING}) = $3)
         AND ($4::uuid IS NULL OR o.arrival < (SELECT arrival FROM paper_orders WHERE id = $4))
       ORDER BY o.arrival DESC LIMIT $1`,
      [limit, market ?? null, working ?? null, before ?? null],
    );
    return rows.map(orderOf);
  }

  /** Newest first; `before` is the id after which they start. */
  async fills(limit: number, before?: string): Promise<ListedFill[]> {
    return this.dataSource.query(
      `SELECT id, trade_id AS "venueTradeId", order_id AS "venueOrderId", trim_scale(price)::text AS price,
         trim_scale(quantity)::text AS quantity, trim_scale(fee)::text AS fee, executed_at AS "executedAt"
       FROM paper_fills
       WHERE $2::uuid IS NULL OR sequence < (SELECT sequence FROM paper_fills WHERE id = $2)
       ORDER BY sequence DESC LIMIT $1`,
      [limit, before ?? null],
    );
  }

  async fillsAfter(since: Watermark): Promise<VenueFillPage> {
    const last = await this.lastSequence();
    const rows = await this.dataSource.query<(VenueFill & Numbered)[]>(
      `SELECT f.sequence::text, f.trade_id AS "venueTradeId", f.order_id AS "venueOrderId", o.client_key AS "dedupeKey", o.market,
         o.outcome, o.side, trim_scale(f.price)::text AS price, trim_scale(f.quantity)::text AS quantity,
         trim_scale(f.fee)::text AS fee, f.liquidity, 'FINAL' AS finality, f.executed_at AS "executedAt"
       FROM paper_fills AS f JOIN paper_orders AS o ON o.id = f.order_id
       WHERE f.sequence > $1 AND f.sequence <= $2 ORDER BY f.sequence LIMIT ${PAGE}`,
      [since, last],
    );
    return { fills: rows.map(unnumbered), ...progress(rows, since, last) };
  }

  async settlementsAfter(since: Watermark): Promise<VenueSettlementPage> {
    const last = await this.lastSequence();
    const rows = await this.dataSource.query<(VenueSettlement & Numbered)[]>(
      `SELECT sequence::text, sequence::text AS "fillsUpTo", id AS "settlementId", market, payouts, settled_at AS "settledAt"
       FROM paper_settlements WHERE sequence > $1 AND sequence <= $2 ORDER BY sequence LIMIT ${PAGE}`,
      [since, last],
    );
    return { settlements: rows.map(unnumbered), ...progress(rows, since, last) };
  }

  async positions(): Promise<VenuePosition[]> {
    return this.dataSource.query(
      `SELECT market, outcome, trim_scale(quantity)::text AS quantity FROM paper_positions
       WHERE quantity > 0 ORDER BY market, outcome`,
    );
  }

  async balances(): Promise<VenueBalances> {
    const [row] = await this.dataSource.query<VenueBalances[]>(
      `SELECT cash::text, reserved::text FROM paper_accounts WHERE account = 'default'`,
    );
    const { cash, reserved } = row ?? { cash: this.settings.paperCash, reserved: '0' };
    return { cash: amountText(amount(cash)), reserved: amountText(amount(reserved)) };
  }

  /** Everything with this number or a lower one is committed: numbers are given under the account's lock. */
  private async lastSequence(): Promise<Watermark> {
    const [row] = await this.dataSource.query<{ last: Watermark }[]>(
      `SELECT last_sequence::text AS last FROM paper_accounts WHERE account = 'default'`,
    );
    return row?.last ?? FROM_THE_START;
  }
}

interface Numbered {
  readonly sequence: string;
}

function unnumbered<T extends Numbered>(row: T): Omit<T, 'sequence'> {
  const { sequence: _, ...others } = row;
  return others;
}

/** A full page ends at its last row, the last page where the records end. */
function progress(rows: readonly Numbered[], since: Watermark, last: Watermark) {
  const hasMore = rows.length === PAGE;
  const end = hasMore ? (rows.at(-1)?.sequence ?? since) : last;
  return { hasMore, watermark: isAtOrPast(since, end) ? since : end };
}
