import { plainAmount, type Transaction } from '@interlock/persistence';
import { FROM_THE_START, type Watermark } from '@interlock/venues';
import type { AccountKey } from '../ledger/ledger.js';
import { type OrderStatus, type Side, WORKING_STATUSES } from '../order.js';

/** How far the books of an account have come. */
export interface BookedUpTo {
  readonly fills: Watermark;
  readonly settlements: Watermark;
}

/** An order as the ledger has it. */
export interface LedgerSideOrder {
  readonly id: string;
  /** Null while it was never prepared for sending. */
  readonly dedupeKey: string | null;
  readonly venueOrderId: string | null;
  readonly status: OrderStatus;
  readonly market: string;
  readonly outcome: string;
  readonly side: Side;
  readonly price: string | null;
  readonly quantity: string;
  readonly filledQuantity: string;
  /** The venue said that it has ended; fills that belong to it are still to be booked. */
  readonly hasEnded: boolean;
  readonly createdAt: Date;
  /** After this instant no byte of it leaves; null for an order that was never sent. */
  readonly sendBy: Date | null;
  /** When the books were read, by the database's clock, which `sendBy` goes by. */
  readonly readAt: Date;
}

/** What the books say of an account, of one instant. */
export interface LedgerSide {
  /** All working orders, and what became of the orders that were asked for. */
  readonly orders: readonly LedgerSideOrder[];
  /** Shares by `market outcome`, over all strategies; flat ones are left out. */
  readonly positions: ReadonlyMap<string, string>;
  readonly cash: string;
  readonly reserved: string;
}

const ORDER_COLUMNS = `id, dedupe_key AS "dedupeKey", venue_order_id AS "venueOrderId", status, market, outcome, side, price::text,
  quantity::text, filled_quantity::text AS "filledQuantity", ended_as IS NOT NULL AS "hasEnded", created_at AS "createdAt",
  send_by AS "sendBy", now() AS "readAt"`;

export function positionKey({ market, outcome }: { market: string; outcome: string }): string {
  return `${market} ${outcome}`;
}

/** From the start where nobody has booked anything yet. */
export async function readBookedUpTo(tx: Transaction, { venue, account }: AccountKey): Promise<BookedUpTo> {
  const [marks] = await tx.query<BookedUpTo[]>(
    `SELECT fills_watermark AS fills, settlements_watermark AS settlements FROM venue_desks WHERE venue = $1 AND account = $2`,
    [venue, account],
  );
  return marks ?? { fills: FROM_THE_START, settlements: FROM_THE_START };
}

/**
 * Reads the books in one snapshot. Only as the first thing of a transaction.
 * @param keys the dedupe keys of orders that are wanted whatever their status is
 * @returns undefined when the account was never opened
 */
export async function readLedgerSide(
  tx: Transaction,
  { venue, account }: AccountKey,
  keys: readonly string[],
): Promise<LedgerSide | undefined> {
  await tx.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
  const [money] = await tx.query<{ cash: string; reserved: string }[]>(
    'SELECT cash::text, reserved::text FROM accounts WHERE venue = $1 AND account = $2',
    [venue, account],
  );
  if (money === undefined) return undefined;
  const orders = await readOrders(tx, { venue, account }, keys);
  const held = await tx.query<{ market: string; outcome: string; quantity: string }[]>(
    `SELECT market, outcome, sum(quantity)::text AS quantity FROM positions
     WHERE venue = $1 AND account = $2 AND quantity > 0 AND is_open GROUP BY market, outcome`,
    [venue, account],
  );
  const positions = new Map(held.map((row) => [positionKey(row), plainAmount(row.quantity)]));
  return { orders, positions, cash: plainAmount(money.cash), reserved: plainAmount(money.reserved) };
}

async function readOrders(
  tx: Transaction,
  { venue, account }: AccountKey,
  keys: readonly string[],
): Promise<LedgerSideOrder[]> {
  // Two questions, so that each goes by its index, however many orders have ended.
  return tx.query<LedgerSideOrder[]>(
    `SELECT ${ORDER_COLUMNS} FROM orders WHERE venue = $1 AND account = $2 AND status = ANY($3)
     UNION
     SELECT ${ORDER_COLUMNS} FROM orders WHERE venue = $1 AND account = $2 AND dedupe_key = ANY($4)`,
    [venue, account, WORKING_STATUSES, keys],
  );
}
