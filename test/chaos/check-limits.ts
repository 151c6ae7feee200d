import type { Evidence } from './evidence.js';
import type { ExposureChange } from './order-evidence.js';
import { LIMITS } from './order-schedule.js';
import { type Violation, violation } from './violation.js';

const MINUTE_MS = 60_000;
/** A working buy reserves its value rounded up, a fill costs it rounded to even: so much may lie between the two, in all fills. */
const ROUNDING = 0.000001;

/**
 * G1: no limit was exceeded at any instant. The sums are replayed as they were written: whoever makes them larger does so under the lock
 * of the mode's admissions, so that what lies between two such steps only makes them smaller.
 */
export function checkLimits(evidence: Evidence): Violation[] {
  return [...checkSums(evidence), ...checkHoldings(evidence), ...checkRate(evidence)];
}

function checkSums({ exposures }: Evidence): Violation[] {
  const found: Violation[] = [];
  const latest = new Map<string, ExposureChange>();
  for (const change of exposures) {
    const before = sumOf(latest);
    latest.set(change.strategy, change);
    const after = sumOf(latest);
    const isOver = (value: number, than: number, limit: number) => value > limit + ROUNDING && value > than;
    if (isOver(after.value, before.value, LIMITS.position))
      found.push(violation('G1', `the position rose to ${after.value}, above the limit of ${LIMITS.position}`));
    if (isOver(after.orders, before.orders, LIMITS.openOrders))
      found.push(violation('G1', `${after.orders} orders worked, above the limit of ${LIMITS.openOrders}`));
    if (change.value > LIMITS.strategyExposure + ROUNDING)
      found.push(
        violation('G1', `${change.strategy} came to ${change.value}, above the limit of ${LIMITS.strategyExposure}`),
      );
  }
  return found;
}

function sumOf(exposures: ReadonlyMap<string, ExposureChange>): { value: number; orders: number } {
  const all = [...exposures.values()];
  return {
    value: all.reduce((sum, { value }) => sum + value, 0),
    orders: all.reduce((sum, { orders }) => sum + orders, 0),
  };
}

/** Nobody sells what is not held: working sales never promise more, but for a moment in a market that was settled. */
function checkHoldings({ holdings }: Evidence): Violation[] {
  return holdings
    .filter(({ held, promised }) => promised > held + ROUNDING && held > 0)
    .map(({ strategy, market, outcome, held, promised }) =>
      violation('K7', `${strategy} promised ${promised} of ${held} shares of ${outcome} in ${market}`),
    );
}

/** In no sliding minute more orders than the limit. An order's time is taken under the lock under which it is counted. */
function checkRate({ orders }: Evidence): Violation[] {
  const times = [...orders.values()].map(({ createdAt }) => createdAt);
  return times
    .filter((at, index) => at - (times[index - LIMITS.ordersPerMinute] ?? -Infinity) < MINUTE_MS)
    .map((at) => {
      const clock = new Date(at).toISOString();
      return violation('G1', `more than ${LIMITS.ordersPerMinute} orders were admitted in the minute before ${clock}`);
    });
}
