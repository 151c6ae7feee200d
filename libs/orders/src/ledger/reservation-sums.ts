import { type Amount, amount, type Transaction, ZERO } from '@interlock/persistence';
import { type OrderStatus, type Side, WORKING_STATUSES } from '../order.js';
import { type PositionKey, textOf } from './entries.js';
import type { Replay } from './replay.js';
import { reservedBy } from './working.js';

interface Row extends PositionKey {
  mode: string;
  side: Side;
  status: OrderStatus;
  price: string | null;
  quantity: string;
  filled_quantity: string;
  fee_reserve: string;
}

/** What working orders reserve, added up from the orders themselves. */
export class ReservationSums {
  private readonly sums = new Map<string, Amount>();

  constructor(private readonly tx: Transaction) {}

  /** Compares with what positions, exposures and accounts say. @returns how many orders work */
  async compare(replay: Replay): Promise<number> {
    const orders = await this.tx.query<Row[]>(
      `SELECT strategy, venue, account, market, outcome, mode, side, status, price::text, quantity::text, filled_quantity::text,
              fee_reserve::text
       FROM orders WHERE status = ANY($1)`,
      [WORKING_STATUSES],
    );
    for (const order of orders) this.add(order);
    const stored = await this.tx.query<{ name: string; key: string; value: string }[]>(
      `SELECT 'shares to be bought of' AS name, json_build_array(strategy, venue, account, market, outcome)::text AS key,
              working_buy::text AS value FROM positions
       UNION ALL SELECT 'shares promised to sales of', json_build_array(strategy, venue, account, market, outcome)::text,
              working_sell::text FROM positions
       UNION ALL SELECT 'value of purchases of', json_build_array(strategy, venue, account, market, outcome)::text,
              working_cost::text FROM positions
       UNION ALL SELECT 'working orders of', json_build_array(mode, strategy)::text, working_orders::text FROM exposures
       UNION ALL SELECT 'working buys of', json_build_array(mode, strategy)::text, working_cost::text FROM exposures
       UNION ALL SELECT 'reserved cash of', json_build_array(venue, account)::text, reserved::text FROM accounts`,
    );
    const missing = new Set(this.sums.keys());
    for (const { name, key, value } of stored) {
      const what = `${name} ${JSON.stringify(JSON.parse(key))}`;
      missing.delete(what);
      replay.compare(what, this.sums.get(what) ?? ZERO, amount(value));
    }
    for (const what of missing) replay.compare(what, this.sums.get(what) ?? ZERO, ZERO);
    return orders.length;
  }

  private add(row: Row): void {
    const { buy, sell, cost, cash, orders } = reservedBy({
      side: row.side,
      status: row.status,
      price: row.price === null ? null : amount(row.price),
      quantity: amount(row.quantity),
      filledQuantity: amount(row.filled_quantity),
      feeReserve: amount(row.fee_reserve),
    });
    this.plus(`shares to be bought of ${textOf(row)}`, buy);
    this.plus(`shares promised to sales of ${textOf(row)}`, sell);
    this.plus(`value of purchases of ${textOf(row)}`, cost);
    this.plus(`working orders of ${JSON.stringify([row.mode, row.strategy])}`, amount(String(orders)));
    this.plus(`working buys of ${JSON.stringify([row.mode, row.strategy])}`, cost);
    this.plus(`reserved cash of ${JSON.stringify([row.venue, row.account])}`, cash);
  }

  private plus(what: string, value: Amount): void {
    this.sums.set(what, (this.sums.get(what) ?? ZERO).plus(value));
  }
}
