import type { Evidence, SwitchChange } from './evidence.js';
import { type PlanEnd, planOfSale, type PlanRow } from './flatten-evidence.js';
import type { FlattenRecord, History } from './history.js';
import type { OrderRow } from './order-evidence.js';
import { isOrderUnder } from './standings.js';
import { type Violation, violation } from './violation.js';

/** Each plan that was asked for ends, once, tells what is true, and sells only while it runs and its switch stands at `reduce`. */
export function checkFlattens(history: History, evidence: Evidence): Violation[] {
  const plans = [...evidence.plans.values()];
  return [
    ...history.flattens.flatMap((request) => checkAnswer(request, evidence)),
    ...plans.flatMap((plan) => [
      ...explain(plan, history),
      ...checkEnd(plan, evidence),
      ...checkCount(plan, evidence),
      ...checkEvents(plan, evidence),
    ]),
    ...checkOneAtATime(plans),
    ...[...evidence.orders.values()].flatMap((order) => checkSale(order, evidence)),
  ];
}

function checkAnswer({ outcome, scope, operation }: FlattenRecord, { plans }: Evidence): Violation[] {
  const at = `#${operation}`;
  if (outcome.kind === 'refused' && ![0, 503].includes(outcome.status))
    return [violation('contract', `a flatten was answered ${outcome.status} ${outcome.code}`, at)];
  if (outcome.kind !== 'started' && outcome.kind !== 'running') return [];
  const plan = plans.get(outcome.planId);
  if (plan === undefined) return [violation('R1', 'a plan that was answered is gone', outcome.planId, at)];
  return plan.scope === scope ? [] : [violation('R3', `the plan of ${scope} is one of ${plan.scope}`, plan.id, at)];
}

/** R2: each plan was begun for somebody who was told so, or who was told nothing. */
function explain({ id, scope }: PlanRow, { flattens }: History): Violation[] {
  const explained = flattens.some(
    ({ outcome, scope: asked }) =>
      (outcome.kind === 'started' && outcome.planId === id) || (outcome.kind === 'unknown' && asked === scope),
  );
  return explained ? [] : [violation('R2', `${scope} is flattened though nobody was told so`, id)];
}

/** R5: it has ended, once; K7: as done only where nothing works and nothing is left that a market takes. */
function checkEnd(plan: PlanRow, { planEnds }: Evidence): Violation[] {
  const { id, scope, status, failure, positionsLeft } = plan;
  const ends = planEnds.filter(({ planId }) => planId === id);
  const [end] = ends;
  if (end === undefined || ends.length > 1 || end.status !== status)
    return [violation('R5', `the plan of ${scope} is ${status} after ${ends.length} ends`, id)];
  if (status === 'FAILED') {
    const isKnown = failure === `the switch ${scope} was turned off` || failure?.startsWith('closed to trading: ');
    return isKnown === true ? [] : [violation('contract', `the plan of ${scope} failed: ${failure}`, id)];
  }
  return checkFlat(plan, end, positionsLeft);
}

function checkFlat({ id, scope }: PlanRow, { isOn, held, sellable, working }: PlanEnd, told: number): Violation[] {
  // Once the switch is off, others may buy again while the plan is on its way to find out.
  if (!isOn) return [];
  const found: Violation[] = [];
  if (sellable > 0) found.push(violation('K7', `${scope} was done with ${sellable} positions to sell`, id));
  if (working > 0) found.push(violation('K7', `${scope} was done while ${working} orders worked`, id));
  if (held > told) found.push(violation('K7', `${scope} was done with ${held} positions left, and told ${told}`, id));
  return found;
}

/** It claims no more cancelled orders than there were. */
function checkCount(plan: PlanRow, { orders, orderChanges }: Evidence): Violation[] {
  const { id, scope, createdAt, finishedAt, ordersCanceled } = plan;
  const canceled = [...orders.values()].filter((order) => {
    if (order.reason !== 'KILL_SWITCH' || !isOrderUnder(scope, order)) return false;
    const changes = orderChanges.get(order.id) ?? [];
    return changes.some(({ to, at }) => to === 'CANCELED' && at >= createdAt && at <= (finishedAt ?? Infinity));
  });
  if (ordersCanceled <= canceled.length) return [];
  return [violation('K4', `the plan of ${scope} cancelled ${canceled.length} orders, and told ${ordersCanceled}`, id)];
}

/** E1: its start and its end are told, each once. */
function checkEvents({ id, scope, status }: PlanRow, { planEvents }: Evidence): Violation[] {
  const told = planEvents.filter(({ planId }) => planId === id).map(({ event }) => event);
  const expected = ['flatten_started', status === 'DONE' ? 'flatten_done' : 'flatten_failed'];
  if (told.join() === expected.join()) return [];
  return [violation('E1', `the plan of ${scope} is ${status} and told by ${told.join(', ')}`, id)];
}

function checkOneAtATime(plans: readonly PlanRow[]): Violation[] {
  const found: Violation[] = [];
  const latest = new Map<string, PlanRow>();
  for (const plan of plans) {
    const before = latest.get(plan.scope);
    latest.set(plan.scope, plan);
    if (before !== undefined && (before.finishedAt ?? Infinity) > plan.createdAt)
      found.push(violation('R3', `two plans of ${plan.scope} ran at once`, before.id, plan.id));
  }
  return found;
}

/**
 * R4, K6: a sale is admitted while its plan runs and the switch stands at `reduce`. Both are changed under locks that its admission
 * waits for, so that the times, which are taken under them, tell their order.
 */
function checkSale(order: OrderRow, { plans, switches, orderChanges }: Evidence): Violation[] {
  const planId = planOfSale(order.key);
  if (planId === undefined) return [];
  const plan = plans.get(planId);
  const about = [order.id, planId];
  if (plan === undefined) return [violation('O1', 'a sale is of no plan', ...about)];
  const found: Violation[] = [];
  if (order.side !== 'SELL' || !isOrderUnder(plan.scope, order))
    found.push(violation('K7', `the plan of ${plan.scope} placed an order that it may not place`, ...about));
  const at = orderChanges.get(order.id)?.[0]?.at ?? 0;
  if (at < plan.createdAt || at > (plan.finishedAt ?? Infinity))
    found.push(violation('R4', `the plan of ${plan.scope} sold when it did not run`, ...about));
  const level = levelAt(switches, plan.scope, at);
  if (level !== 'reduce') found.push(violation('K6', `a plan sold while ${plan.scope} was at ${level}`, ...about));
  return found;
}

function levelAt(switches: readonly SwitchChange[], scope: string, at: number): string {
  const latest = switches.filter((change) => change.scope === scope && change.at <= at).at(-1);
  return latest?.enabled === true ? (latest.level ?? 'halt') : 'off';
}
