import { RECONNECT_MS } from './check-switches.js';
import type { Evidence } from './evidence.js';
import type { FaultRecord, History } from './history.js';
import type { OrderRow, VenueOrderChange } from './order-evidence.js';
import { isOrderUnder, type Standing, standingsOf } from './standings.js';
import { type Violation, violation } from './violation.js';

/** So soon an order that a stop has left at the venue is gone, while nothing hinders the desk. */
const GONE_MS = 5_000;
/** Longest time without a desk before another worker takes it: its lease, and the time until somebody tries. */
const DESK_LESS_MS = 6_500;
/** Then the desk needs a moment. */
const SETTLE_MS = 1_500;

interface Span {
  readonly from: number;
  readonly until: number;
}

/** K2, K4 and K7 for orders: what is admitted, sent and at work at the venue while a stop stands. */
export function checkOrderStops(history: History, evidence: Evidence): Violation[] {
  const hindrances = hindrancesOf(history.faults, evidence);
  return standingsOf(history, evidence.switches).flatMap((standing) => {
    const orders = [...evidence.orders.values()].filter((order) => isOrderUnder(standing.scope, order));
    return [
      ...orders.flatMap((order) => checkTaking(standing, order, evidence)),
      ...checkArrivals(standing, orders, evidence),
      ...orders.flatMap((order) => checkEnd(standing, order, hindrances, evidence)),
    ];
  });
}

/** K2, K7: after the answer nothing is admitted and nothing is taken for sending; at `reduce`, nothing that buys. */
function checkTaking(standing: Standing, order: OrderRow, { orderChanges }: Evidence): Violation[] {
  const { from } = standing;
  const until = untilFor(standing, order);
  return (orderChanges.get(order.id) ?? [])
    .filter(
      ({ to, from: before, at }) => (before === null || to === 'SUBMITTED') && before !== to && at > from && at < until,
    )
    .map(({ to, at }) => {
      const sentence = `an order that ${order.side}s became ${to} ${Math.round(at - from)} ms after the answer of ${nameOf(standing)}`;
      return violation(standing.level === 'halt' ? 'K2' : 'K7', sentence, order.id, ...aboutOf(standing));
    });
}

/** K2, K4: what works at the venue when the answer comes, or arrives there later, was counted as unknown by it. */
function checkArrivals(standing: Standing, orders: readonly OrderRow[], { venueChanges }: Evidence): Violation[] {
  if (standing.ordersUnknown === null) return [];
  const left = orders.filter((order) => {
    const until = untilFor(standing, order);
    const { arrivedAt, endedAt } = workOf(venueChanges.get(order.id));
    return arrivedAt < until && Math.max(arrivedAt, endedAt) > standing.from && standing.from < until;
  });
  if (left.length <= standing.ordersUnknown) return [];
  const sentence = `${left.length} orders were at the venue after the answer of ${nameOf(standing)}, which told of ${standing.ordersUnknown} unknown ones`;
  return [violation('K4', sentence, ...aboutOf(standing), ...left.map(({ id }) => id))];
}

/** K4: they are chased until they are gone. */
function checkEnd(
  standing: Standing,
  order: OrderRow,
  hindrances: readonly Span[],
  { venueChanges }: Evidence,
): Violation[] {
  const { arrivedAt, endedAt } = workOf(venueChanges.get(order.id));
  const from = Math.max(standing.from, arrivedAt);
  const until = Math.min(endedAt, untilFor(standing, order));
  const calm = longestCalm({ from, until }, hindrances);
  if (!(calm > GONE_MS)) return [];
  const sentence = `an order worked at the venue for ${Math.round(calm)} ms under ${nameOf(standing)} though nothing hindered its end`;
  return [violation('K4', sentence, order.id, ...aboutOf(standing))];
}

/** Until when the stop forbids the order. */
function untilFor({ untilOff, untilLoosened }: Standing, { side }: OrderRow): number {
  return side === 'BUY' ? untilOff : untilLoosened;
}

/** When an order came to the venue and when it worked no more. */
function workOf(changes: readonly VenueOrderChange[] = []): { arrivedAt: number; endedAt: number } {
  const arrivedAt = changes[0]?.at ?? Infinity;
  const end = changes.find(({ to }) => to !== 'OPEN' && to !== 'PARTIALLY_FILLED');
  return { arrivedAt, endedAt: end?.at ?? Infinity };
}

/** When nobody may be able to cancel: the database or the venue away, no desk, or its worker frozen. */
function hindrancesOf(faults: readonly FaultRecord[], { desks }: Evidence): Span[] {
  const deskAt = (at: number) => desks.findLast((desk) => desk.at <= at)?.pid;
  const ofFaults = faults.flatMap(({ deed, pid, behaviour, from, until }): Span[] => {
    if (deed === 'stop-database') return [{ from, until: until + RECONNECT_MS }];
    if (deed === 'misbehave' && behaviour?.mode === 'down') return [{ from, until: until + SETTLE_MS }];
    return deed === 'freeze' && pid === deskAt(from) ? [{ from, until: until + SETTLE_MS }] : [];
  });
  const withoutDesk = desks.map(({ at }) => ({ from: at - DESK_LESS_MS, until: at + SETTLE_MS }));
  return [...ofFaults, ...withoutDesk].toSorted((a, b) => a.from - b.from);
}

/** @param hindrances by their beginning */
function longestCalm({ from, until }: Span, hindrances: readonly Span[]): number {
  let longest = 0;
  let since = from;
  for (const hindrance of hindrances) {
    longest = Math.max(longest, Math.min(hindrance.from, until) - since);
    since = Math.max(since, hindrance.until);
  }
  return Math.max(longest, until - since);
}

function nameOf({ scope, level }: Standing): string {
  return `the ${level} of ${scope}`;
}

function aboutOf({ scope, toggle }: Standing): string[] {
  return [scope, `#${toggle.operation}`];
}
