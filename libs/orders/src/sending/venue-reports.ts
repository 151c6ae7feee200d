import { amount, type Transaction } from '@interlock/persistence';
import type { VenueOrder } from '@interlock/venues';
import { Injectable } from '@nestjs/common';
import { type AccountKey, Ledger, type StatusChange, type StatusChanged } from '../ledger/ledger.js';
import { isWorking, type OrderStatus } from '../order.js';

/** What the ledger knows of an order beside what a venue tells of it. */
interface KnownOrder {
  readonly id: string;
  readonly dedupeKey: string;
  readonly status: OrderStatus;
  readonly filled: string;
  /** True once somebody wants it cancelled. */
  readonly toBeCanceled: boolean;
  readonly cancelReason: string | null;
  readonly hasEnded: boolean;
}

/** How an order ended at the venue, as it stands in its row. */
interface End {
  readonly id: string;
  readonly endedAs: OrderStatus;
  /** Shares that were filled by then. */
  readonly filled: string;
  readonly reason: string | null;
}

export type OrderReport = Pick<VenueOrder, 'dedupeKey' | 'venueOrderId' | 'status' | 'filledQuantity' | 'reason'>;

/**
 * Takes over what a venue tells of the states of our orders, whoever asked for it: sender, resolver, sweep.
 *
 * What was filled is told by the venue's list of fills alone. An order that ended there is therefore closed only when its fills are
 * booked; until then its row keeps how it ended, and it goes on reserving what is left (safety.md, O2, O4).
 */
@Injectable()
export class VenueReports {
  constructor(private readonly ledger: Ledger) {}

  /**
   * Changes the statuses of the orders that are ours. An older report that arrives late takes nothing back: an order whose end is known
   * stays so.
   * @returns what became of each of our orders among them
   */
  async record(tx: Transaction, of: AccountKey, reports: readonly OrderReport[]): Promise<StatusChanged[]> {
    const byKey = new Map(reports.flatMap((report) => (report.dedupeKey === null ? [] : [[report.dedupeKey, report]])));
    const orders = await lockByKeys(tx, of, [...byKey.keys()]);
    const changes: StatusChange[] = [];
    const waiting: End[] = [];
    for (const order of orders) {
      const report = byKey.get(order.dedupeKey);
      if (report === undefined || !isWorking(order.status)) continue;
      const { venueOrderId } = report;
      const end = endOf(report, order);
      if (end === undefined) {
        if (!order.hasEnded)
          changes.push({ orderId: order.id, venueOrderId, to: statusMeanwhile(order), reason: null });
      } else if (amount(end.filled).lte(amount(order.filled))) {
        changes.push({ ...closing(end), venueOrderId });
      } else {
        waiting.push(end);
        changes.push({ orderId: order.id, venueOrderId, to: statusMeanwhile(order), reason: null });
      }
    }
    await storeEnds(tx, waiting);
    return this.ledger.changeStatus(tx, changes);
  }

  /** Closes those of the orders whose end is known and whose fills are all booked; part of every booking of fills. */
  async closeEnded(tx: Transaction, orderIds: readonly string[]): Promise<StatusChanged[]> {
    const complete = await tx.query<End[]>(
      `SELECT id, ended_as AS "endedAs", ended_filled::text AS filled, ended_reason AS reason FROM orders
       WHERE id = ANY($1) AND ended_as IS NOT NULL AND filled_quantity >= ended_filled ORDER BY id FOR UPDATE`,
      [orderIds],
    );
    return this.ledger.changeStatus(tx, complete.map(closing));
  }
}

function closing({ id, endedAs, reason }: End): StatusChange {
  return { orderId: id, to: endedAs, reason: endedAs === 'FILLED' ? null : reason };
}

/** The status of a sent order that works at the venue, or has ended there and waits for its fills. */
function statusMeanwhile({ toBeCanceled, filled }: KnownOrder): OrderStatus {
  if (toBeCanceled) return 'CANCEL_PENDING';
  return amount(filled).isZero() ? 'OPEN' : 'PARTIALLY_FILLED';
}

function endOf(report: OrderReport, order: KnownOrder): End | undefined {
  const { status, filledQuantity, reason } = report;
  if (status === 'OPEN' || status === 'PARTIALLY_FILLED') return undefined;
  const isOurDoing = status === 'CANCELED' && order.toBeCanceled;
  return {
    id: order.id,
    endedAs: status,
    filled: filledQuantity,
    reason: isOurDoing ? (order.cancelReason ?? reason) : reason,
  };
}

async function lockByKeys(tx: Transaction, { venue, account }: AccountKey, keys: string[]): Promise<KnownOrder[]> {
  if (keys.length === 0) return [];
  return tx.query<KnownOrder[]>(
    `SELECT id, dedupe_key AS "dedupeKey", status, filled_quantity::text AS filled, cancel_reason AS "cancelReason",
            cancel_requested_at IS NOT NULL AS "toBeCanceled", ended_as IS NOT NULL AS "hasEnded"
     FROM orders WHERE venue = $1 AND account = $2 AND dedupe_key = ANY($3) ORDER BY id FOR UPDATE`,
    [venue, account, keys],
  );
}

async function storeEnds(tx: Transaction, ended: readonly End[]): Promise<void> {
  if (ended.length === 0) return;
  await tx.query(
    `UPDATE orders AS o SET ended_as = e."endedAs", ended_filled = e.filled, ended_reason = e.reason
     FROM jsonb_to_recordset($1::jsonb) AS e(id uuid, "endedAs" text, filled numeric, reason text) WHERE o.id = e.id`,
    [JSON.stringify(ended)],
  );
}
