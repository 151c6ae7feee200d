import type { Mode } from '@interlock/kill-switch';
import { type Amount, amount, amountText, type Transaction } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import type { OrderStatus, Side } from '../order.js';
import {
  type FillRow,
  type LedgerOrder,
  type PositionKey,
  type PostingRow,
  type SumChange,
  textOf,
} from './entries.js';
import type { Position, Trade } from './position.js';
import { resultOf } from './posting.js';

interface OrderRow extends PositionKey {
  id: string;
  mode: Mode;
  run_id: string | null;
  side: Side;
  price: string | null;
  quantity: string;
  filled_quantity: string;
  average_price: string | null;
  filled_notional: string;
  fee_reserve: string;
  status: OrderStatus;
  reason: string | null;
  venue_order_id: string | null;
  version: number;
}

interface PositionRow extends PositionKey {
  mode: Mode;
  quantity: string;
  cost_basis: string;
  realized_pnl: string;
  fees: string;
}

/** A trade of a position that counts (a voided one does not), in the order of booking. */
interface TradeRow {
  side: Side;
  price: string;
  quantity: string;
  fee: string;
  /** Of settlements only. */
  paid: string | null;
}

/** SQL: what a settlement has paid for a position's shares; all else is price times quantity. */
export const PAID = `CASE WHEN f.liquidity = 'SETTLEMENT' THEN f.notional::text END AS paid`;

const KEY = 'strategy, venue, account, market, outcome';
const KEY_COLUMNS = 'strategy text, venue text, account text, market text, outcome text';

/** The statements of the ledger. Always in this order: orders, then positions, each sorted, so that no two wait in a circle. */
@Injectable()
export class LedgerRows {
  /** Locks the orders until the transaction ends. Missing ones are left out. */
  async lockOrders(tx: Transaction, ids: readonly string[]): Promise<Map<string, LedgerOrder>> {
    const rows = await tx.query<OrderRow[]>(
      `SELECT id, mode, run_id, ${KEY}, side, price::text, quantity::text, filled_quantity::text, average_price::text,
              filled_notional::text, fee_reserve::text, status, reason, venue_order_id, version
       FROM orders WHERE id = ANY($1) ORDER BY id FOR UPDATE`,
      [ids],
    );
    return new Map(rows.map((row) => [row.id, orderOf(row)]));
  }

  /** Locks the positions until the transaction ends; those that are not there yet are made, flat. */
  async lockPositions(
    tx: Transaction,
    keys: readonly (PositionKey & { mode: Mode })[],
  ): Promise<Map<string, Position>> {
    const wanted = [...new Map(keys.map((key) => [textOf(key), key])).values()];
    const found = await this.findPositions(tx, wanted);
    if (found.size === wanted.length) return found;
    await tx.query(
      `INSERT INTO positions (${KEY}, mode, quantity, cost_basis)
       SELECT ${KEY}, mode, 0, 0 FROM jsonb_to_recordset($1::jsonb) AS k(${KEY_COLUMNS}, mode text) ORDER BY ${KEY}
       ON CONFLICT DO NOTHING`,
      [JSON.stringify(wanted)],
    );
    return this.findPositions(tx, wanted);
  }

  private async findPositions(tx: Transaction, keys: readonly PositionKey[]): Promise<Map<string, Position>> {
    const rows = await tx.query<PositionRow[]>(
      `SELECT ${KEY}, mode, quantity::text, cost_basis::text, realized_pnl::text, fees::text FROM positions
       WHERE (${KEY}) IN (SELECT ${KEY} FROM jsonb_to_recordset($1::jsonb) AS k(${KEY_COLUMNS}))
       ORDER BY ${KEY} FOR UPDATE`,
      [JSON.stringify(keys)],
    );
    return new Map(rows.map((row) => [textOf(row), positionRowOf(row)]));
  }

  /** Locks all positions of a market that hold shares. */
  async lockHeld(
    tx: Transaction,
    of: { venue: string; account: string; market: string },
  ): Promise<(PositionKey & { mode: Mode; position: Position })[]> {
    const rows = await tx.query<PositionRow[]>(
      `SELECT ${KEY}, mode, quantity::text, cost_basis::text, realized_pnl::text, fees::text FROM positions
       WHERE venue = $1 AND account = $2 AND market = $3 AND quantity > 0 ORDER BY ${KEY} FOR UPDATE`,
      [of.venue, of.account, of.market],
    );
    return rows.map(({ strategy, venue, account, market, outcome, mode, ...row }) => {
      const key = { strategy, venue, account, market, outcome };
      return { ...key, mode, position: positionRowOf({ ...key, mode, ...row }) };
    });
  }

  /** The trades of these orders that are in the books, as "<order> <venue trade>". */
  async knownTrades(tx: Transaction, orderIds: readonly string[]): Promise<Set<string>> {
    const rows = await tx.query<{ trade: string }[]>(
      `SELECT order_id || ' ' || venue_trade_id AS trade FROM fills WHERE order_id = ANY($1)`,
      [orderIds],
    );
    return new Set(rows.map(({ trade }) => trade));
  }

  /** The trades of a position that count (voided ones do not), in the order of booking. */
  async tradesOf(tx: Transaction, key: PositionKey): Promise<Trade[]> {
    const rows = await tx.query<TradeRow[]>(
      `SELECT f.side, f.price::text, f.quantity::text, f.fee::text, ${PAID}
       FROM postings AS p JOIN fills AS f ON f.id = p.fill_id
       WHERE (p.strategy, p.venue, p.account, p.market, p.outcome) = ($1, $2, $3, $4, $5)
         AND p.kind <> 'VOID' AND f.finality <> 'VOIDED'
       ORDER BY p.number`,
      [key.strategy, key.venue, key.account, key.market, key.outcome],
    );
    return rows.map(tradeOf);
  }

  /** @returns the fill's position, or undefined when there is no such fill or it is voided already */
  async markVoided(
    tx: Transaction,
    { orderId, venueTradeId }: { orderId: string; venueTradeId: string },
  ): Promise<(PositionKey & { mode: Mode; fillId: string }) | undefined> {
    const [rows] = await tx.query<[(PositionKey & { mode: Mode; fillId: string })[], number]>(
      `UPDATE fills SET finality = 'VOIDED' WHERE order_id = $1 AND venue_trade_id = $2 AND finality <> 'VOIDED'
       RETURNING ${KEY}, mode, id AS "fillId"`,
      [orderId, venueTradeId],
    );
    return rows[0];
  }

  async markFinal(
    tx: Transaction,
    { orderId, venueTradeId }: { orderId: string; venueTradeId: string },
  ): Promise<void> {
    await tx.query(
      `UPDATE fills SET finality = 'FINAL' WHERE order_id = $1 AND venue_trade_id = $2 AND finality = 'PROVISIONAL'`,
      [orderId, venueTradeId],
    );
  }

  async insertFills(tx: Transaction, fills: readonly FillRow[], bookedAt: string): Promise<void> {
    const rows = fills.map(({ trade, notional, realizedPnl, ...fill }) => ({
      ...fill,
      ...texts({ ...trade, notional, realizedPnl }),
      side: trade.side,
    }));
    await tx.query(
      `INSERT INTO fills (id, order_id, ${KEY}, mode, venue_trade_id, side, price, quantity, notional, fee, liquidity, finality,
                          realized_pnl, executed_at, booked_at)
       SELECT id, "orderId", ${KEY}, mode, "venueTradeId", side, price, quantity, notional, fee, liquidity, finality,
              "realizedPnl", "executedAt", $2
       FROM jsonb_to_recordset($1::jsonb)
         AS f(id uuid, "orderId" uuid, ${KEY_COLUMNS}, mode text, "venueTradeId" text, side text, price numeric, quantity numeric,
              notional numeric, fee numeric, liquidity text, finality text, "realizedPnl" numeric, "executedAt" timestamptz)`,
      [JSON.stringify(rows), bookedAt],
    );
  }

  /** Appends to the journal, in this order. */
  async insertPostings(tx: Transaction, postings: readonly PostingRow[], bookedAt: string): Promise<void> {
    const rows = postings.map(({ posting, ...row }, n) => ({ ...row, n, ...texts(posting) }));
    await tx.query(
      `INSERT INTO postings (kind, fill_id, mode, ${KEY}, shares, cash, cost, realized, fees, capital, booked_at)
       SELECT kind, "fillId", mode, ${KEY}, shares, cash, cost, realized, fees, capital, $2
       FROM jsonb_to_recordset($1::jsonb)
         AS p(n integer, kind text, "fillId" uuid, mode text, ${KEY_COLUMNS}, shares numeric, cash numeric, cost numeric,
              realized numeric, fees numeric, capital numeric)
       ORDER BY n`,
      [JSON.stringify(rows), bookedAt],
    );
  }

  async updateOrders(tx: Transaction, orders: readonly LedgerOrder[]): Promise<void> {
    const rows = orders.map(
      ({ id, status, filledQuantity, averagePrice, filledNotional, reason, venueOrderId, version }) => ({
        id,
        status,
        reason,
        venueOrderId,
        version,
        ...texts({
          filledQuantity,
          filledNotional,
        }),
        averagePrice: averagePrice === null ? null : amountText(averagePrice),
      }),
    );
    await tx.query(
      `UPDATE orders AS o SET status = n.status, filled_quantity = n."filledQuantity", average_price = n."averagePrice",
              filled_notional = n."filledNotional", reason = n.reason, venue_order_id = n."venueOrderId", version = n.version,
              updated_at = clock_timestamp()
       FROM jsonb_to_recordset($1::jsonb)
         AS n(id uuid, status text, "filledQuantity" numeric, "averagePrice" numeric, "filledNotional" numeric, reason text,
              "venueOrderId" text, version integer)
       WHERE o.id = n.id`,
      [JSON.stringify(rows)],
    );
  }

  async updatePositions(tx: Transaction, positions: readonly (PositionKey & { position: Position })[]): Promise<void> {
    const rows = positions.map(({ position, ...key }) => ({ ...key, ...texts(position) }));
    await tx.query(
      `UPDATE positions AS p SET quantity = n.quantity, cost_basis = n."costBasis", realized_pnl = n."realizedPnl", fees = n.fees,
              updated_at = clock_timestamp()
       FROM jsonb_to_recordset($1::jsonb)
         AS n(${KEY_COLUMNS}, quantity numeric, "costBasis" numeric, "realizedPnl" numeric, fees numeric)
       WHERE (p.strategy, p.venue, p.account, p.market, p.outcome) = (n.strategy, n.venue, n.account, n.market, n.outcome)`,
      [JSON.stringify(rows)],
    );
  }

  /** Counts sales and settlements in a row that lost money, per strategy; one that did not begins anew. */
  async countLosingStreaks(tx: Transaction, postings: readonly PostingRow[]): Promise<void> {
    const streaks = new Map<string, { mode: Mode; strategy: string; losses: number; isBroken: boolean }>();
    for (const { mode, strategy, posting, kind } of postings) {
      if (kind === 'VOID' || posting.shares.gt(0)) continue;
      const key = `${mode} ${strategy}`;
      const streak = streaks.get(key) ?? { mode, strategy, losses: 0, isBroken: false };
      const isLoss = resultOf(posting).lt(0);
      const losses = isLoss ? streak.losses + 1 : 0;
      streaks.set(key, { mode, strategy, losses, isBroken: streak.isBroken || !isLoss });
    }
    if (streaks.size === 0) return;
    await tx.query(
      `INSERT INTO losing_streaks AS s (mode, strategy, losses)
       SELECT mode, strategy, losses FROM jsonb_to_recordset($1::jsonb) AS n(mode text, strategy text, losses integer) ORDER BY 1, 2
       ON CONFLICT (mode, strategy) DO UPDATE SET losses = excluded.losses + CASE
         WHEN (s.mode || ' ' || s.strategy) = ANY($2) THEN 0 ELSE s.losses END`,
      [JSON.stringify([...streaks.values()]), [...streaks].filter(([, { isBroken }]) => isBroken).map(([key]) => key)],
    );
  }

  /** Adds to the sums that guards read: what positions promise, exposures, cash. Changes, never new totals, so that they add up. */
  async changeSums(tx: Transaction, changes: readonly SumChange[]): Promise<void> {
    await tx.query('SELECT change_sums($1::jsonb)', [JSON.stringify(changes.map(sumChangeTexts))]);
  }
}

/** A change of sums as the database's functions take it. */
export function sumChangeTexts(change: SumChange): object {
  const { strategy, venue, account, market, outcome, mode, heldCost, cash, reserved } = change;
  return {
    strategy,
    venue,
    account,
    market,
    outcome,
    mode,
    orders: reserved.orders,
    heldCost: amountText(heldCost),
    cash: amountText(cash),
    buy: amountText(reserved.buy),
    sell: amountText(reserved.sell),
    cost: amountText(reserved.cost),
    reserved: amountText(reserved.cash),
  };
}

function orderOf(row: OrderRow): LedgerOrder {
  const { run_id, filled_quantity, average_price, filled_notional, fee_reserve, venue_order_id, ...rest } = row;
  return {
    ...rest,
    runId: run_id,
    price: row.price === null ? null : amount(row.price),
    quantity: amount(row.quantity),
    filledQuantity: amount(filled_quantity),
    averagePrice: average_price === null ? null : amount(average_price),
    filledNotional: amount(filled_notional),
    feeReserve: amount(fee_reserve),
    venueOrderId: venue_order_id,
  };
}

function positionRowOf(row: PositionRow): Position {
  return {
    quantity: amount(row.quantity),
    costBasis: amount(row.cost_basis),
    realizedPnl: amount(row.realized_pnl),
    fees: amount(row.fees),
  };
}

export function tradeOf({ side, price, quantity, fee, paid }: TradeRow): Trade {
  const trade = { side, price: amount(price), quantity: amount(quantity), fee: amount(fee) };
  return paid === null ? trade : { ...trade, notional: amount(paid) };
}

/** The amounts among the values, as decimal text. */
function texts(values: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (isAmount(value) ? [[name, amountText(value)]] : [])),
  );
}

function isAmount(value: unknown): value is Amount {
  return typeof value === 'object' && value !== null && 'toFixed' in value;
}
