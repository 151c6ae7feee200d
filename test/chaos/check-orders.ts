import { isWorking, orderCanBecome } from '../../libs/orders/src/order.js';
import type { Evidence } from './evidence.js';
import { planOfSale } from './flatten-evidence.js';
import type { History, OrderRecord } from './history.js';
import type { OrderRow } from './order-evidence.js';
import { type Violation, violation } from './violation.js';

/** R2 and R3 as callers of orders see them, O3 in the ledger, and E1. */
export function checkOrders(history: History, evidence: Evidence): Violation[] {
  const requests = byQuantity(history.orders);
  const told = new Set(
    evidence.orderEvents.flatMap(({ event, orderId }) => (event === 'order_unknown' ? orderId : [])),
  );
  return [
    ...history.orders.flatMap((request) => checkAnswer(request, evidence)),
    ...[...evidence.orders.values()].flatMap((order) => [
      ...explain(order, requests.get(order.quantity) ?? []),
      ...checkTransitions(order, evidence),
      ...checkEvents(order, told, evidence),
    ]),
    ...checkKeys(history, evidence),
    ...checkCancels(history, evidence),
    ...checkOtherAnswers(history),
    ...checkAlarms(evidence),
  ];
}

/** No two wishes have the same. */
function byQuantity(requests: readonly OrderRecord[]): Map<string, OrderRecord[]> {
  const grouped = new Map<string, OrderRecord[]>();
  for (const request of requests) {
    const quantity = plain(request.wish.quantity);
    grouped.set(quantity, [...(grouped.get(quantity) ?? []), request]);
  }
  return grouped;
}

function checkAnswer(request: OrderRecord, { orders }: Evidence): Violation[] {
  const { outcome, operation, key } = request;
  const at = `#${operation}`;
  switch (outcome.kind) {
    case 'admitted': {
      const order = orders.get(outcome.orderId);
      if (order === undefined) return [violation('R1', 'an admitted order is gone', outcome.orderId, at)];
      return isOf(order, request) ? [] : [violation('R3', 'the order is not what was asked for', order.id, key, at)];
    }
    case 'replayed': {
      const order = orders.get(outcome.orderId);
      if (order !== undefined && key !== undefined && isOf(order, request)) return [];
      return [violation('R3', 'a replay names an order that is not its own', outcome.orderId, key, at)];
    }
    case 'refused':
      return outcome.status === 500 ? [violation('contract', 'an order was answered 500', at, key)] : [];
    case 'unknown':
      return [];
  }
}

/** R2: every order that is stored was admitted, or left open, by an answer to somebody who asked for just that. */
function explain(order: OrderRow, requests: readonly OrderRecord[]): Violation[] {
  if (planOfSale(order.key) !== undefined) return []; // its plan was asked for (check-flattens.ts)
  const causes = requests.filter((request) => isOf(order, request));
  const explained = causes.some(
    ({ outcome }) => outcome.kind === 'unknown' || (outcome.kind === 'admitted' && outcome.orderId === order.id),
  );
  if (explained) return [];
  const answers = causes.map(({ outcome }) => ('code' in outcome ? outcome.code : outcome.kind)).join(', ');
  const about = causes.map(({ operation }) => `#${operation}`);
  return [violation('R2', `an order is ${order.status} though nobody was told so (${answers})`, order.id, ...about)];
}

/** O3: legal steps, each to a higher version, to one final status. */
function checkTransitions(order: OrderRow, { orderChanges }: Evidence): Violation[] {
  const changes = orderChanges.get(order.id) ?? [];
  const found: Violation[] = [];
  let [status, version, ends] = [changes[0]?.to, 0, 0];
  for (const { from, to, version: next } of changes) {
    if (from !== null && from !== to && !orderCanBecome(from, to))
      found.push(violation('O3', `an order went from ${from} to ${to}`, order.id));
    if (from === null ? to !== 'ADMITTED' : from !== status)
      found.push(violation('O3', `an order was ${status} and then changed from ${from} to ${to}`, order.id));
    if (next <= version) found.push(violation('O3', `version ${next} of an order came after ${version}`, order.id));
    if (from !== to && !isWorking(to)) ends += 1;
    [status, version] = [to, next];
  }
  if (isWorking(order.status)) found.push(violation('O3', `an order never ended: it is ${order.status}`, order.id));
  if (ends !== 1 || status !== order.status)
    found.push(
      violation('O3', `an order is ${order.status} after ${ends} ends, the last step was to ${status}`, order.id),
    );
  return found;
}

/** E1: an order whose fate was unknown has been told of. */
function checkEvents({ id }: OrderRow, told: ReadonlySet<string | null>, { orderChanges }: Evidence): Violation[] {
  const wasUnknown = (orderChanges.get(id) ?? []).some(({ from, to }) => to === 'UNKNOWN' && from !== to);
  if (wasUnknown === told.has(id)) return [];
  return [violation('E1', `an order ${wasUnknown ? 'was UNKNOWN without' : 'was never UNKNOWN, with'} an event`, id)];
}

/** R3: one key, one order; every answer to it names that one. */
function checkKeys({ orders: requests }: History, { orders }: Evidence): Violation[] {
  const found: Violation[] = [];
  const owners = new Map<string, string>();
  for (const { strategy, key, id } of orders.values()) {
    if (key === null) continue;
    const name = `${strategy} ${key}`;
    const other = owners.get(name);
    if (other !== undefined) found.push(violation('R3', 'two orders have one key', id, other, key));
    owners.set(name, id);
  }
  for (const { outcome, key, wish, operation } of requests) {
    if (key === undefined || (outcome.kind !== 'admitted' && outcome.kind !== 'replayed')) continue;
    const owner = owners.get(`${wish.strategy} ${key}`);
    if (owner !== outcome.orderId)
      found.push(
        violation('R3', 'the answer names another order than the key', key, owner, outcome.orderId, `#${operation}`),
      );
  }
  return found;
}

function checkCancels({ orderCancels }: History, { orders }: Evidence): Violation[] {
  return orderCancels.flatMap(({ status, code, orderId, operation, became }) => {
    const order = orders.get(orderId);
    const about = [orderId, `#${operation}`];
    if (![0, 202, 409, 503].includes(status))
      return [
        violation('contract', `a cancel was answered ${status} ${code}; the order is ${order?.status}`, ...about),
      ];
    if (status === 202 && became === 'CANCELED' && order?.status !== 'CANCELED')
      return [violation('O3', `a cancel was answered CANCELED and the order is ${order?.status}`, ...about)];
    return [];
  });
}

function checkOtherAnswers({ markets }: History): Violation[] {
  return markets
    .filter(({ status }) => ![0, 200, 404, 409, 503].includes(status))
    .map(({ status, code, deed, operation }) =>
      violation('contract', `${deed} was answered ${status} ${code}`, `#${operation}`),
    );
}

/** O5: nothing that the venue told contradicted the books. */
function checkAlarms({ orderEvents }: Evidence): Violation[] {
  return orderEvents
    .filter(({ event }) => event === 'reconciliation_difference' || event === 'order_status_transition_blocked')
    .map(({ event, orderId, reason }) => violation('O5', `${event}: ${reason}`, orderId));
}

function isOf(order: OrderRow, { wish, key }: OrderRecord): boolean {
  return (
    order.quantity === plain(wish.quantity) &&
    order.strategy === wish.strategy &&
    order.market === wish.market &&
    order.outcome === wish.outcome &&
    order.side === wish.side &&
    order.price === (wish.price === null ? null : plain(wish.price)) &&
    order.key === (key ?? null)
  );
}

/** As the evidence has amounts: without trailing zeros. */
function plain(amount: string): string {
  return amount.includes('.') ? amount.replace(/\.?0+$/, '') : amount;
}
