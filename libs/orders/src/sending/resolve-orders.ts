import { faultPoint } from '@interlock/observability';
import { OpsEvents } from '@interlock/ops-events';
import { type Transaction, Transactions } from '@interlock/persistence';
import { isNotFoundFinal, VenueUnreachable } from '@interlock/venues';
import { Injectable } from '@nestjs/common';
import { Ledger } from '../ledger/ledger.js';
import type { OrderStatus } from '../order.js';
import type { Desk } from './desk.js';
import { orderUnknown } from './order-events.js';
import { VenueReports } from './venue-reports.js';

/** An order that the venue never had: it was lost on the way, or its sender died before the first byte. */
export const NEVER_ARRIVED = 'NEVER_ARRIVED';

/** Most orders that are asked for at once. */
const AT_ONCE = 20;

/** A sent order of which it is to be found out what became of it. */
interface UnclearOrder {
  readonly id: string;
  readonly status: OrderStatus;
  readonly dedupeKey: string;
  readonly market: string;
  /** True once the venue has told of it: then it did arrive. */
  readonly isAcknowledged: boolean;
  readonly createdAt: Date;
  readonly sendBy: Date;
  /** Now, by the database's clock, which `sendBy` goes by. */
  readonly now: Date;
}

/**
 * Finds out by key what became of orders of which nobody knows: whose answer did not come, whose sender died, whose cancel the venue
 * does not confirm, whose time has passed. Never sends anything again (safety.md, O2).
 */
@Injectable()
export class OrderResolving {
  constructor(
    private readonly transactions: Transactions,
    private readonly ledger: Ledger,
    private readonly reports: VenueReports,
    private readonly events: OpsEvents,
  ) {}

  /**
   * Asks once for each order that is unclear now and in nobody's hand.
   * @returns how many are unclear still
   */
  async resolveAll(desk: Desk): Promise<number> {
    const unclear = await this.transactions.run((tx) => findUnclear(tx, desk));
    let left = 0;
    for (let at = 0; at < unclear.length; at += AT_ONCE) {
      const results = await Promise.all(unclear.slice(at, at + AT_ONCE).map((order) => this.resolve(desk, order)));
      left += results.filter((isClear) => !isClear).length;
    }
    return left;
  }

  private async resolve(desk: Desk, order: UnclearOrder): Promise<boolean> {
    try {
      const found = await desk.venue.resolve(order.dedupeKey, order.market, order.createdAt);
      faultPoint('order-before-resolved');
      if (found.kind === 'FOUND') {
        await desk.write((tx) => this.reports.record(tx, desk.of, [found.order]));
        return true;
      }
      // It may trade still: left as it is, and the reconciliation tells people of an order that the venue does not have.
      if (order.isAcknowledged) return true;
      if (isNotFoundFinal(desk.venue.capabilities(), order.sendBy, order.now)) {
        await desk.write((tx) => this.neverArrived(tx, order));
        return true;
      }
      await this.tellUnknown(desk, order, 'it does not know the order yet');
    } catch (error) {
      if (!(error instanceof VenueUnreachable)) throw error;
      await this.tellUnknown(desk, order, error.message);
    }
    return false;
  }

  private neverArrived(tx: Transaction, { id }: UnclearOrder): Promise<unknown> {
    return this.ledger.changeStatus(tx, [{ orderId: id, to: 'REJECTED', reason: NEVER_ARRIVED }]);
  }

  /** An order whose sender died counts as unknown from when the venue cannot tell at once. */
  private async tellUnknown(desk: Desk, { id, status }: UnclearOrder, message: string): Promise<void> {
    if (status !== 'SUBMITTED') return;
    await desk.write(async (tx) => {
      const [changed] = await this.ledger.changeStatus(tx, [{ orderId: id, to: 'UNKNOWN', reason: 'SENDER_LOST' }]);
      if (changed?.kind === 'changed') await this.events.record(tx, orderUnknown(changed.order, message));
    });
  }
}

async function findUnclear(tx: Transaction, { of, inHand }: Desk): Promise<UnclearOrder[]> {
  return tx.query<UnclearOrder[]>(
    `SELECT id, status, dedupe_key AS "dedupeKey", market, created_at AS "createdAt",
            venue_order_id IS NOT NULL OR filled_quantity > 0 AS "isAcknowledged", send_by AS "sendBy", clock_timestamp() AS now
     FROM orders
     WHERE venue = $1 AND account = $2 AND ended_as IS NULL AND id <> ALL($3::uuid[])
       AND (status IN ('SUBMITTED', 'UNKNOWN')
         OR status = 'CANCEL_PENDING' AND cancel_requested_at < clock_timestamp() - interval '1 second'
         OR status IN ('OPEN', 'PARTIALLY_FILLED') AND expires_at < clock_timestamp())
     ORDER BY id LIMIT 1000`,
    [of.venue, of.account, [...inHand]],
  );
}
