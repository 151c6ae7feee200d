import type { Mode } from '@interlock/kill-switch';
import { amount, amountText, type Transaction } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import type { OrderStatus, Side } from '../order.js';
import {
  KEY,
  KEY_COLUMNS,
  type LedgerOrder,
  type PositionKey,
  type SumChange,
  textOf,
  textsOfAmounts,
} from './entries.js';
import type { Position } from './position.js';

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

/**
 * The statements of the ledger for orders, positions and sums. Always in this order: orders, then positions, each sorted, so that no two
 * wait in a circle.
 */
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
       WHERE venue = $1 AND account = $2 AND market = $3 AND quantity > 0 AND is_open ORDER BY ${KEY} FOR UPDATE`,
      [of.venue, of.account, of.market],
    );
    return rows.map(({ strategy, venue, account, market, outcome, mode, ...row }) => {
      const key = { strategy, venue, account, market, outcome };
      return { ...key, mode, position: positionRowOf({ ...key, mode, ...row }) };
    });
  }

  async updateOrders(tx: Transaction, orders: readonly LedgerOrder[]): Promise<void> {
    const rows = orders.map(
      ({ id, status, filledQuantity, averagePrice, filledNotional, reason, venueOrderId, version }) => ({
        id,
        status,
        reason,
        venueOrderId,
        version,
        ...textsOfAmounts({
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
    const rows = positions.map(({ position, ...key }) => ({ ...key, ...textsOfAmounts(position) }));
    await tx.query(
      `UPDATE positions AS p SET quantity = n.quantity, cost_basis = n."costBasis", realized_pnl = n."realizedPnl", fees = n.fees,
              updated_at = clock_timestamp()
       FROM jsonb_to_recordset($1::jsonb)
         AS n(${KEY_COLUMNS}, quantity numeric, "costBasis" numeric, "realizedPnl" numeric, fees numeric)
       WHERE (p.strategy, p.venue, p.account, p.market, p.outcome) = (n.strategy, n.venue, n.account, n.market, n.outcome)`,
      [JSON.stringify(rows)],
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
