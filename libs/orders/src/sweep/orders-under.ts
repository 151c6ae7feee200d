import type { Level } from '@interlock/kill-switch';
import { WORKING_STATUSES } from '../order.js';

/** SQL: the order is not final. Spelled as the index `orders_working` has it, so that a search passes over working orders only. */
export const IS_WORKING = `status IN (${WORKING_STATUSES.map((status) => `'${status}'`).join(', ')})`;

/**
 * SQL: the order is under this scope, as `scopesOver` has it, and the level of its switch forbids that it works: `halt` forbids every
 * order, `reduce` those that buy (safety.md, K7).
 * @param scope SQL that gives the scope, such as `$1::text`
 * @param level SQL that gives the level
 */
export function isForbiddenBy(scope: string, level: string): string {
  const isUnder = `${scope} IN ('global', 'mode:' || orders.mode, 'venue:' || orders.venue, 'strategy:' || orders.strategy)`;
  return `(${isUnder} AND (${level} = '${'halt' satisfies Level}' OR orders.side = 'BUY'))`;
}
