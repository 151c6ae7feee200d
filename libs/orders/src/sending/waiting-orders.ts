import type { Transaction } from '@interlock/persistence';
import type { OrderIntent, PreparedOrder } from '@interlock/venues';
import { plainAmount } from '@interlock/persistence';
import type { Mode } from '@interlock/kill-switch';
import type { AccountKey } from '../ledger/ledger.js';
import type { OrderType, Side, TimeInForce } from '../order.js';

/** An order that waits to be sent, as it was asked for. */
export interface WaitingOrder {
  readonly intent: OrderIntent;
  readonly strategy: string;
  readonly mode: Mode;
}

/** An order that is about to be sent, with what will be sent. */
export interface OrderToSend extends WaitingOrder {
  readonly prepared: PreparedOrder;
}

interface Row {
  id: string;
  strategy: string;
  mode: Mode;
  market: string;
  outcome: string;
  side: Side;
  type: OrderType;
  price: string | null;
  quantity: string;
  time_in_force: TimeInForce;
  expires_at: Date | null;
  post_only: boolean;
  reduce_only: boolean;
}

/**
 * The account's orders that wait to be sent, in the order of their admission, but for those of some markets: time is taken under the
 * lock under which orders of a mode are admitted, and ids of one transaction rise.
 */
export async function findWaiting(
  tx: Transaction,
  { venue, account }: AccountKey,
  otherMarketsThan: readonly string[],
  limit: number,
): Promise<WaitingOrder[]> {
  const rows = await tx.query<Row[]>(
    `SELECT id, strategy, mode, market, outcome, side, type, price::text, quantity::text, time_in_force, expires_at, post_only, reduce_only
     FROM orders WHERE venue = $1 AND account = $2 AND status = 'ADMITTED' AND market <> ALL($3)
     ORDER BY created_at, id LIMIT $4`,
    [venue, account, otherMarketsThan, limit],
  );
  return rows.map(waitingOf);
}

/**
 * Locks those of the orders that still wait, and tells which have waited too long to be sent.
 * @param longestWaitMs from admission, in milliseconds
 * @returns by id, whether it is too late
 */
export async function lockWaiting(
  tx: Transaction,
  ids: readonly string[],
  longestWaitMs: number,
): Promise<Map<string, { isLate: boolean; hasExpired: boolean }>> {
  const rows = await tx.query<{ id: string; isLate: boolean; hasExpired: boolean }[]>(
    `SELECT id, created_at < clock_timestamp() - $2 * interval '1 ms' AS "isLate",
            coalesce(expires_at <= clock_timestamp(), false) AS "hasExpired"
     FROM orders WHERE id = ANY($1) AND status = 'ADMITTED' ORDER BY id FOR UPDATE`,
    [ids, longestWaitMs],
  );
  return new Map(rows.map(({ id, ...lateness }) => [id, lateness]));
}

/**
 * Stores what will be sent, and until when a byte of it may leave (safety.md, O1).
 * @param withinMs from now by the database's clock, which is what others will judge by
 */
export async function storePrepared(tx: Transaction, orders: readonly OrderToSend[], withinMs: number): Promise<void> {
  const rows = orders.map(({ intent, prepared }) => ({ id: intent.orderId, ...prepared }));
  await tx.query(
    `UPDATE orders AS o SET dedupe_key = p."dedupeKey", payload = p.payload, send_by = clock_timestamp() + $2 * interval '1 ms'
     FROM jsonb_to_recordset($1::jsonb) AS p(id uuid, "dedupeKey" text, payload jsonb) WHERE o.id = p.id`,
    [JSON.stringify(rows), withinMs],
  );
}

function waitingOf({ id, strategy, mode, price, quantity, time_in_force, expires_at, ...row }: Row): WaitingOrder {
  const { market, outcome, side, type, post_only: postOnly, reduce_only: reduceOnly } = row;
  return {
    strategy,
    mode,
    intent: {
      orderId: id,
      market,
      outcome,
      side,
      type,
      price: price === null ? null : plainAmount(price),
      quantity: plainAmount(quantity),
      timeInForce: time_in_force,
      expiresAt: expires_at,
      postOnly,
      reduceOnly,
    },
  };
}
