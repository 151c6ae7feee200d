import type { Level } from '@interlock/kill-switch';
import { WORKING_STATUSES } from '../order.js';

/** SQL: the order is not final. Spelled as the index `orders_working` has it, so that a search passes over working orders only. */
export const IS_WORKING = `status IN (${WORKING_STATUSES.map((status) => `'${status}'`).join(', ')})`;

/**
 * SQL: what the row of the table is about is under this scope, as `scopesOver` has it.
 * @param scope SQL that gives the scope, such as `$1::text`
 * @param table one with the columns mode, venue and strategy
 */
export function isUnder(scope: string, table: 'orders' | 'positions'): string {
  return `${scope} IN ('global', 'mode:' || ${table}.mode, 'venue:' || ${table}.venue, 'strategy:' || ${table}.strategy)`;
}

/**
 * SQL: the order is under this scope, and the level of its switch forbids that it works: `halt` forbids every
 * order, `reduce` those that buy (safety.md, K7).
 * @param scope SQL that gives the scope, such as `$1::text`
 * @param level SQL that gives the level
 */
export function isForbiddenBy(scope: string, level: string): string {
  return `(${isUnder(scope, 'orders')} AND (${level} = '${'halt' satisfies Level}' OR orders.side = 'BUY'))`;
}
