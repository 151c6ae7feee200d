import { CheckLedger } from '@interlock/orders';
import { QueryBus } from '@nestjs/cqrs';
import { NEVER_ARRIVED } from '../../libs/orders/src/sending/resolve-orders.js';
import { startTrading } from '../support/trading-module.js';
import type { Evidence } from './evidence.js';
import type { FillRow, OrderRow } from './order-evidence.js';
import { type Violation, violation } from './violation.js';

/** The statuses of the ledger's orders that the venue has never had. */
const NOT_SENT = new Set(['NOT_SENT', NEVER_ARRIVED]);

/** O1 and O5: the venue's records and the ledger agree, order by order, fill by fill, and to the last digit of cash and positions. */
export function checkBooks(evidence: Evidence): Violation[] {
  return [
    ...[...evidence.venueOrders.keys()].flatMap((orderId) => checkArrival(orderId, evidence)),
    ...[...evidence.orders.values()].flatMap((order) => checkOrder(order, evidence)),
    ...checkFills(evidence),
    ...checkSums(evidence),
  ];
}

/** O1: the ledger has the order, and had it as sent before it arrived, which it did once. */
function checkArrival(orderId: string, { orders, orderChanges, venueChanges }: Evidence): Violation[] {
  if (!orders.has(orderId)) return [violation('O1', 'the venue has an order that the ledger lacks', orderId)];
  const arrivals = (venueChanges.get(orderId) ?? []).filter(({ from }) => from === null);
  const sent = (orderChanges.get(orderId) ?? []).filter(({ to, from }) => to === 'SUBMITTED' && from !== to);
  const found: Violation[] = [];
  if (arrivals.length !== 1) found.push(violation('O1', `an order arrived ${arrivals.length} times`, orderId));
  if (sent.length !== 1) found.push(violation('O1', `an order was taken for sending ${sent.length} times`, orderId));
  if ((sent[0]?.at ?? Infinity) > (arrivals[0]?.at ?? 0))
    found.push(violation('O1', 'an order arrived before it was stored as sent', orderId));
  return found;
}

function checkOrder(order: OrderRow, { venueOrders, orderChanges }: Evidence): Violation[] {
  const atVenue = venueOrders.get(order.id);
  const wasSent = (orderChanges.get(order.id) ?? []).some(({ to }) => to === 'SUBMITTED');
  if (atVenue === undefined) {
    const mayBeMissing = !wasSent || NOT_SENT.has(order.reason ?? '') || order.reason === 'KILL_SWITCH';
    if (mayBeMissing && order.filled === '0') return [];
    return [violation('O5', `an order is ${order.status} (${order.reason}) and the venue never had it`, order.id)];
  }
  if (NOT_SENT.has(order.reason ?? ''))
    return [violation('O2', `an order that arrived ended as ${order.reason}`, order.id)];
  const isSame =
    atVenue.status === order.status &&
    atVenue.filled === order.filled &&
    atVenue.quantity === order.quantity &&
    atVenue.price === order.price;
  if (isSame) return [];
  const sentence = `an order is ${order.status} with ${order.filled} filled, at the venue ${atVenue.status} with ${atVenue.filled}`;
  return [violation('O5', sentence, order.id)];
}

/** O4, O5: each fill of the venue is booked once, as it was. */
function checkFills({ ledgerFills, venueFills }: Evidence): Violation[] {
  const booked = new Map(ledgerFills.map((fill) => [nameOf(fill), fill]));
  const found: Violation[] = [];
  if (booked.size !== ledgerFills.length) found.push(violation('O4', 'a fill is booked twice'));
  for (const fill of venueFills) {
    const own = booked.get(nameOf(fill));
    booked.delete(nameOf(fill));
    const isSame =
      own?.price === fill.price &&
      own.quantity === fill.quantity &&
      own.fee === fill.fee &&
      own.liquidity === fill.liquidity;
    if (!isSame)
      found.push(
        violation('O5', `the venue's fill ${JSON.stringify(fill)} is booked as ${JSON.stringify(own)}`, fill.orderId),
      );
  }
  for (const { orderId, tradeId } of booked.values())
    found.push(violation('O5', `the venue has no trade ${tradeId}, which is booked`, orderId));
  return found;
}

function checkSums({ ledgerBooks, venueBooks }: Evidence): Violation[] {
  const found: Violation[] = [];
  if (ledgerBooks.cash !== venueBooks.cash)
    found.push(violation('O5', `cash is ${ledgerBooks.cash}, at the venue ${venueBooks.cash}`));
  if (ledgerBooks.reserved !== '0' || venueBooks.reserved !== '0')
    found.push(
      violation('O5', `nothing works, and ${ledgerBooks.reserved} is reserved, at the venue ${venueBooks.reserved}`),
    );
  for (const name of new Set([...Object.keys(ledgerBooks.positions), ...Object.keys(venueBooks.positions)])) {
    const [own = '0', theirs = '0'] = [ledgerBooks.positions[name], venueBooks.positions[name]];
    if (own !== theirs) found.push(violation('O5', `${own} shares of ${name} are held, at the venue ${theirs}`));
  }
  return found;
}

function nameOf({ orderId, tradeId }: FillRow): string {
  return `${orderId} ${tradeId}`;
}

/** O4, O5: positions, cash, days and what is reserved are what the journal makes of them (`npm run ledger:check`). */
export async function checkLedger(databaseUrl: string): Promise<Violation[]> {
  const module = await startTrading(databaseUrl);
  try {
    const { differences, differenceCount } = await module.get(QueryBus).execute(new CheckLedger());
    if (differenceCount === 0) return [];
    return [violation('O5', `the journal makes other books: ${differenceCount} × ${JSON.stringify(differences[0])}`)];
  } finally {
    await module.close();
  }
}
