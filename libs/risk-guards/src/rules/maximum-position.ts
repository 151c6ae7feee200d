import { compare, decimal, formatDecimal } from './decimal.js';
import type { GuardRefusal } from './refusal.js';

/**
 * A run may ask for at most `limit`; exactly the limit is allowed.
 * @param maxPosition what the run asks for, in units of collateral, above 0
 * @param scope where the limit applies, for the refusal
 * @throws RangeError when a value is no number
 */
export function maximumPosition(
  maxPosition: string | number,
  limit: string | number,
  scope: string,
): GuardRefusal | undefined {
  const wanted = decimal(maxPosition);
  const allowed = decimal(limit);
  if (compare(wanted, allowed) <= 0) return undefined;
  const details = { rule: 'position', scope, current: formatDecimal(wanted), limit: formatDecimal(allowed) } as const;
  return {
    code: 'MAX_POSITION_EXCEEDED',
    message: `maxPosition ${details.current} is above the limit of ${details.limit}`,
    details,
  };
}
