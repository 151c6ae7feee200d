import type { GuardRefusal } from './refusal.js';

/**
 * A run may ask for at most `limit`; exactly the limit is allowed.
 * @param maxPosition what the run asks for, in units of collateral
 */
export function maximumPosition(maxPosition: number, limit: number): GuardRefusal | undefined {
  if (maxPosition <= limit) return undefined;
  return {
    code: 'MAX_POSITION_EXCEEDED',
    message: `maxPosition ${maxPosition} is above the limit of ${limit}`,
    details: { rule: 'position', scope: 'global', current: String(maxPosition), limit: String(limit) },
  };
}
