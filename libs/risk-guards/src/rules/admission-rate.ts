import type { GuardRefusal } from './refusal.js';

const COUNTED = { orderRate: 'orders', startRate: 'starts' } as const;

/** Rules that limit how often something is admitted. */
type RateRule = keyof typeof COUNTED;

/**
 * Blocks the next admission once `current` have been admitted in the last 60 seconds and that reaches the limit; a limit of 0
 * blocks always.
 */
export function admissionRate(rule: RateRule, current: number, limit: number, scope: string): GuardRefusal | undefined {
  if (current < limit) return undefined;
  return {
    code: 'ORDER_RATE_LIMIT_EXCEEDED',
    message: `${current} ${COUNTED[rule]} in ${scope} within 60 seconds, which reaches the limit of ${limit}`,
    details: { rule, scope, current: String(current), limit: String(limit) },
  };
}
