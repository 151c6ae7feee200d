import type { Level, Scope } from '@interlock/kill-switch';
import type { Transaction } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import { Ledger, type StatusChange } from '../ledger/ledger.js';
import { isWorking, type OrderStatus } from '../order.js';
import { isForbiddenBy, IS_WORKING } from './orders-under.js';

/** Why orders are cancelled, as it stands in them. */
const REASON = 'KILL_SWITCH';

/** Which orders are to be cancelled: those under the scope that the level forbids. */
export interface SweptScope {
  readonly scope: Scope;
  readonly level: Level;
  /** Orders whose client order id begins so are left alone. */
  readonly sparing?: string;
}

/** An order that the sweep is to cancel, as it was before. */
export interface SweptOrder {
  readonly id: string;
  readonly venue: string;
  readonly account: string;
  readonly market: string;
  readonly status: OrderStatus;
  /** Null while it was never prepared for sending. */
  readonly dedupeKey: string | null;
  /** True once the venue has told that it ended; its fills are still to be booked. */
  readonly hasEnded: boolean;
  /** True once somebody has asked for its end. */
  readonly isMarked: boolean;
  /** How long its bytes may still leave for the venue, in milliseconds by the database's clock; 0 once the venue has told of it. */
  readonly inFlightMs: number;
  readonly createdAt: Date;
}

/** What became of orders that worked when the sweep, or the switch, began. Orders that turned out to be filled are in neither. */
export interface SweepEffect {
  readonly ordersCanceled: number;
  /** Orders of which it is not known that they work no more. */
  readonly ordersUnknown: number;
}

/** The rows of orders that are swept. */
@Injectable()
export class SweptOrders {
  constructor(private readonly ledger: Ledger) {}

  /**
   * Ends what was never sent, and stores of the others that they are to be cancelled. Nothing that was not sent can still be sent
   * after a switch's toggle, which whoever sends reads under its lock (safety.md, K2).
   * @returns all of them, as they were before
   */
  async mark(tx: Transaction, { scope, level, sparing }: SweptScope): Promise<SweptOrder[]> {
    const orders = await tx.query<SweptOrder[]>(
      `SELECT id, venue, account, market, status, dedupe_key AS "dedupeKey", created_at AS "createdAt",
              ended_as IS NOT NULL AS "hasEnded", cancel_requested_at IS NOT NULL AS "isMarked",
              CASE WHEN venue_order_id IS NULL AND send_by > clock_timestamp()
                   THEN extract(epoch FROM send_by - clock_timestamp())::double precision * 1000 ELSE 0 END AS "inFlightMs"
       FROM orders WHERE ${IS_WORKING} AND ${isForbiddenBy('$1::text', '$2::text')} AND ${isNotSpared('$3::text')}
       ORDER BY id FOR UPDATE`,
      [scope, level, sparing ?? null],
    );
    const toMark = orders.filter((order) => wasSent(order) && !order.hasEnded && !order.isMarked);
    if (toMark.length > 0) {
      await tx.query(
        'UPDATE orders SET cancel_requested_at = clock_timestamp(), cancel_reason = $2 WHERE id = ANY($1)',
        [idsOf(toMark), REASON],
      );
    }
    await this.ledger.changeStatus(tx, orders.flatMap((order) => changeOf(order) ?? [])); // prettier-ignore
    return orders;
  }

  /** Those of the orders of which nobody knows yet that they have ended. */
  async notEnded(tx: Transaction, ids: readonly string[]): Promise<Set<string>> {
    const rows = await tx.query<{ id: string }[]>(
      `SELECT id FROM orders WHERE id = ANY($1) AND ${IS_WORKING} AND ended_as IS NULL`,
      [ids],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /**
   * What became of these orders, and of those that the same switch has ended since, whoever did it: desks, the api and the worker's
   * chase may all be at it.
   * @param since when the switch was turned; null: only these orders
   */
  async effect(
    tx: Transaction,
    { scope, level, sparing }: SweptScope,
    ids: readonly string[],
    since: Date | null,
  ): Promise<SweepEffect> {
    const rows = await tx.query<{ status: OrderStatus }[]>(
      `SELECT id, coalesce(ended_as, status) AS status FROM orders WHERE id = ANY($3::uuid[])
       UNION
       SELECT id, status FROM orders
       WHERE reason = '${REASON}' AND updated_at >= $4::timestamptz AND status = 'CANCELED'
         AND ${isForbiddenBy('$1::text', '$2::text')} AND ${isNotSpared('$5::text')}`,
      [scope, level, ids, since, sparing ?? null],
    );
    const unknown = rows.filter(({ status }) => isWorking(status));
    const filled = rows.filter(({ status }) => status === 'FILLED');
    return { ordersCanceled: rows.length - unknown.length - filled.length, ordersUnknown: unknown.length };
  }

  /** How many orders work that the switch forbids. */
  async countWorking(tx: Transaction, { scope, level, sparing }: SweptScope): Promise<number> {
    const [row] = await tx.query<{ count: number }[]>(
      `SELECT count(*)::integer AS count FROM orders
       WHERE ${IS_WORKING} AND ${isForbiddenBy('$1::text', '$2::text')} AND ${isNotSpared('$3::text')}`,
      [scope, level, sparing ?? null],
    );
    return row?.count ?? 0;
  }
}

export function wasSent({ status }: SweptOrder): boolean {
  return status !== 'ADMITTED';
}

/** SQL: the order's client order id does not begin with this, where something is given. */
function isNotSpared(prefix: string): string {
  return `(${prefix} IS NULL OR client_order_id IS NULL OR NOT starts_with(client_order_id, ${prefix}))`;
}

function changeOf(order: SweptOrder): StatusChange | undefined {
  if (!wasSent(order)) return { orderId: order.id, to: 'CANCELED', reason: REASON };
  const isSettled = order.hasEnded || order.status === 'UNKNOWN' || order.status === 'CANCEL_PENDING';
  return isSettled ? undefined : { orderId: order.id, to: 'CANCEL_PENDING' };
}

function idsOf(orders: readonly SweptOrder[]): string[] {
  return orders.map(({ id }) => id);
}
