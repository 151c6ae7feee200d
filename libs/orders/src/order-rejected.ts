import type { KillSwitch } from '@interlock/kill-switch';
import type { NewOpsEvent } from '@interlock/ops-events';
import type { GuardRefusal, NearLimit } from '@interlock/risk-guards';
import type { OrderParams } from './order.js';

/** Why an order was not admitted: a switch, or a guard. */
export type OrderRefusal = { kind: 'kill-switch'; killSwitch: KillSwitch } | { kind: 'refused'; refusal: GuardRefusal };

/** The event of a refusal, and the key under which such events are bounded: per rule and strategy. */
export function orderRejected(
  { strategy, mode, venue, market, outcome, side, price, quantity }: OrderParams,
  refusal: OrderRefusal,
  actor: string,
): { key: string; event: NewOpsEvent } {
  const why = explain(refusal);
  const order = { strategy, mode, venue, market, outcome, side, price, quantity };
  return {
    key: `order_rejected ${why.rule} ${strategy}`,
    event: {
      event: 'order_rejected',
      source: 'api',
      actor,
      reason: why.message,
      details: { ...order, ...why.details },
    },
  };
}

/** A limit of which a fifth or less is left, bounded per rule and scope. */
export function limitNearlyReached(near: NearLimit): { key: string; event: NewOpsEvent } {
  const { rule, scope, current, limit } = near;
  return {
    key: `limit_nearly_reached ${rule} ${scope}`,
    event: {
      event: 'limit_nearly_reached',
      source: 'risk-guards',
      reason: `${rule} in ${scope} has reached ${current} of ${limit}`,
      details: { ...near },
    },
  };
}

function explain(refusal: OrderRefusal): { rule: string; message: string; details: Record<string, unknown> } {
  if (refusal.kind === 'refused') {
    const { code, message, details } = refusal.refusal;
    return { rule: details.rule, message, details: { code, ...details } };
  }
  const { scope, level } = refusal.killSwitch;
  const message = `${scope} is ${level === 'reduce' ? 'reducing' : 'halted'} by the kill switch`;
  return {
    rule: 'killSwitch',
    message,
    details: { code: 'KILL_SWITCH_ON', rule: 'killSwitch', scope, current: level },
  };
}
