import { compare, decimal, formatDecimal } from './decimal.js';
import type { GuardRefusal } from './refusal.js';

/**
 * Blocks once today's losses have reached the limit; a limit of 0 blocks always.
 * @param loss the absolute sum of the negative results booked today in the scope, in units of collateral
 * @throws RangeError when a value is no number
 */
export function dailyLoss(loss: string, limit: string, scope: string): GuardRefusal | undefined {
  const lost = decimal(loss);
  const allowed = decimal(limit);
  if (compare(lost, allowed) < 0) return undefined;
  const details = { rule: 'dailyLoss', scope, current: formatDecimal(lost), limit: formatDecimal(allowed) } as const;
  return {
    code: 'RISK_LIMIT_EXCEEDED',
    message: `today's losses in ${scope} are ${details.current}, which reaches the limit of ${details.limit}`,
    details,
  };
}
