import { compare, formatDecimal } from './decimal.js';
import { type Limit, toldScope } from './limits.js';
import { type OrderIntent, valueOf } from './order-intent.js';
import type { GuardRefusal } from './refusal.js';

/** At most so many shares in one order; exactly the limit is allowed. */
export function orderQuantity({ quantity, mode }: OrderIntent, { limit, scope }: Limit): GuardRefusal | undefined {
  if (compare(quantity, limit) <= 0) return undefined;
  const details = {
    rule: 'orderQuantity',
    scope: toldScope(scope, mode),
    current: formatDecimal(quantity),
    limit: formatDecimal(limit),
  } as const;
  const message = `${details.current} shares are more than the ${details.limit} that one order may have in ${details.scope}`;
  return { code: 'MAX_ORDER_QUANTITY_EXCEEDED', message, details };
}

/** At most so much collateral in one order, at its limit price; exactly the limit is allowed. */
export function orderValue(intent: OrderIntent, { limit, scope }: Limit): GuardRefusal | undefined {
  const value = valueOf(intent);
  if (compare(value, limit) <= 0) return undefined;
  const details = {
    rule: 'orderValue',
    scope: toldScope(scope, intent.mode),
    current: formatDecimal(value),
    limit: formatDecimal(limit),
  } as const;
  const message = `a value of ${details.current} is above the ${details.limit} that one order may have in ${details.scope}`;
  return { code: 'MAX_ORDER_VALUE_EXCEEDED', message, details };
}
