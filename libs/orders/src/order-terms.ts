import type { OrderType, TimeInForce } from './order.js';

/** As much of an order as has to go together. */
export interface OrderTerms {
  readonly type: OrderType;
  readonly price?: unknown;
  readonly timeInForce?: TimeInForce | undefined;
  readonly expiresAt?: unknown;
  readonly postOnly: boolean;
}

/** How long an order stands that does not say it. */
export function timeInForceOf({ type, timeInForce }: OrderTerms): TimeInForce {
  return timeInForce ?? (type === 'limit' ? 'GTC' : 'IOC');
}

/** What does not go together in an order, by field; empty when all does. */
export function conflictsIn(terms: OrderTerms): Record<string, string[]> {
  const { type, price, expiresAt, postOnly } = terms;
  const timeInForce = timeInForceOf(terms);
  const rests = timeInForce === 'GTC' || timeInForce === 'GTD';
  const faults: [field: string, isSo: boolean, message: string][] = [
    ['price', type === 'limit' && price === undefined, 'must be given for a limit order'],
    ['timeInForce', type === 'market' && rests, 'must be IOC or FOK for a market order'],
    ['expiresAt', timeInForce === 'GTD' && expiresAt === undefined, 'must be given with GTD'],
    ['expiresAt', timeInForce !== 'GTD' && expiresAt !== undefined, 'must only be given with GTD'],
    ['postOnly', postOnly && !rests, 'must only be true with GTC and GTD'],
  ];
  return Object.fromEntries(faults.flatMap(([field, isSo, message]) => (isSo ? [[field, [message]]] : [])));
}
