import type { NewOpsEvent } from '@interlock/ops-events';
import type { LateFill } from '../ledger/books.js';
import type { LedgerOrder } from '../ledger/entries.js';

/** The venue's answer never came or could not be read: the order may work there (safety.md, O2). */
export function orderUnknown(order: LedgerOrder, message: string): NewOpsEvent {
  return {
    event: 'order_unknown',
    source: 'worker',
    ...runOf(order),
    reason: `${order.venue} did not say what became of an order: ${message}`,
    details: detailsOf(order),
  };
}

/** A venue tells of a fill of an order that had ended. It is booked, since the shares are there; the status stays. */
export function filledLate({ order, fill }: LateFill): NewOpsEvent {
  const { venueTradeId, price, quantity, fee } = fill;
  return {
    event: 'order_status_transition_blocked',
    source: 'worker',
    ...runOf(order),
    reason: `${order.venue} filled ${quantity} shares of an order that was ${order.status} already`,
    details: { ...detailsOf(order), fill: { venueTradeId, price, quantity, fee } },
  };
}

function detailsOf({
  id,
  strategy,
  venue,
  market,
  outcome,
  side,
  price,
  quantity,
  status,
  filledQuantity,
}: LedgerOrder) {
  return {
    orderId: id,
    strategy,
    venue,
    market,
    outcome,
    side,
    price: price?.toFixed() ?? null,
    quantity: quantity.toFixed(),
    filledQuantity: filledQuantity.toFixed(),
    status,
  };
}

function runOf({ runId }: LedgerOrder): { runId?: string } {
  return runId === null ? {} : { runId };
}
