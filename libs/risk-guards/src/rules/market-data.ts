import {
  absolute,
  add,
  compare,
  type Decimal,
  decimal,
  formatDecimal,
  isMultipleOf,
  subtract,
  times,
} from './decimal.js';
import { type Limit, toldScope } from './limits.js';
import type { OrderIntent } from './order-intent.js';
import type { GuardRefusal } from './refusal.js';

/** What is known of an outcome at the moment of judging. */
export interface Quote {
  readonly status: 'OPEN' | 'PAUSED' | 'CLOSED';
  readonly tick: Decimal;
  readonly minimumQuantity: Decimal;
  /** Null where nobody offers. */
  readonly bestBid: Decimal | null;
  readonly bestAsk: Decimal | null;
  /** Milliseconds since it was seen, by the database's clock. */
  readonly ageMs: number;
  /** Milliseconds until the market closes, below 0 once it has; null where no time is known. */
  readonly closesInMs: number | null;
  /** How takers are charged. */
  readonly fees: {
    readonly rules: 'polymarket' | 'kalshi' | 'free';
    /** Decimal text. */
    readonly feeRate: string;
    readonly feeExponent: number;
  };
}

const HALF = decimal('0.5');

/** Only an open market takes orders. */
export function marketStatus({ market }: OrderIntent, quote: Quote): GuardRefusal | undefined {
  const isPast = quote.closesInMs !== null && quote.closesInMs <= 0;
  if (quote.status === 'OPEN' && !isPast) return undefined;
  const current = quote.status === 'OPEN' ? 'CLOSED' : quote.status;
  const details = { rule: 'marketStatus', scope: `market:${market}`, current, limit: 'OPEN' } as const;
  return { code: 'MARKET_CLOSED', message: `the market ${market} is ${current.toLowerCase()}`, details };
}

/** No orders in the last moments of a market; `limit` in milliseconds before its close. */
export function marketCloses(
  { market, mode }: OrderIntent,
  quote: Quote,
  { limit, scope }: Limit,
): GuardRefusal | undefined {
  if (quote.closesInMs === null || compare(milliseconds(quote.closesInMs), limit) > 0) return undefined;
  const current = formatDecimal(milliseconds(quote.closesInMs));
  const details = {
    rule: 'marketCloses',
    scope: toldScope(scope, mode),
    current,
    limit: formatDecimal(limit),
  } as const;
  const message = `the market ${market} closes in ${current} ms, within the ${details.limit} ms in which it takes no more orders`;
  return { code: 'MARKET_CLOSED', message, details };
}

/** What is known of the market must be younger than `limit`, in milliseconds. */
export function marketDataAge(
  { market, mode }: OrderIntent,
  quote: Quote,
  { limit, scope }: Limit,
): GuardRefusal | undefined {
  if (compare(milliseconds(quote.ageMs), limit) <= 0) return undefined;
  const current = formatDecimal(milliseconds(quote.ageMs));
  const details = {
    rule: 'marketDataAge',
    scope: toldScope(scope, mode),
    current,
    limit: formatDecimal(limit),
  } as const;
  const message = `what is known of the market ${market} is ${current} ms old, more than the ${details.limit} ms allowed`;
  return { code: 'MARKET_DATA_STALE', message, details };
}

export function tick({ market, price }: OrderIntent, quote: Quote): GuardRefusal | undefined {
  if (price === null || isMultipleOf(price, quote.tick)) return undefined;
  const numbers = { current: formatDecimal(price), limit: formatDecimal(quote.tick) };
  const message = `the price ${numbers.current} is no multiple of the market's tick ${numbers.limit}`;
  return { code: 'INVALID_TICK', message, details: { rule: 'tick', scope: `market:${market}`, ...numbers } };
}

export function minimumSize({ market, quantity }: OrderIntent, quote: Quote): GuardRefusal | undefined {
  if (compare(quantity, quote.minimumQuantity) >= 0) return undefined;
  const numbers = { current: formatDecimal(quantity), limit: formatDecimal(quote.minimumQuantity) };
  const message = `${numbers.current} shares are fewer than the market's least quantity ${numbers.limit}`;
  return {
    code: 'BELOW_MINIMUM_SIZE',
    message,
    details: { rule: 'minimumSize', scope: `market:${market}`, ...numbers },
  };
}

/**
 * The price may be at most `limit` away from the reference: the middle of the best bid and ask, or the one of them that there is. A
 * market order without a worst price cannot be held to it and is refused.
 */
export function priceCollar(
  { market, mode, price }: OrderIntent,
  quote: Quote,
  { limit, scope }: Limit,
): GuardRefusal | undefined {
  const details = { rule: 'priceCollar', scope: toldScope(scope, mode), limit: formatDecimal(limit) } as const;
  const reference = referenceOf(quote);
  if (reference === null) {
    const message = `nobody offers on the market ${market}, so that there is no reference for the price collar`;
    return { code: 'MARKET_DATA_STALE', message, details: { ...details, current: 'no reference' } };
  }
  if (price === null) {
    const message = 'a market order needs a worst price where a price collar is set';
    return { code: 'PRICE_COLLAR_EXCEEDED', message, details: { ...details, current: 'no price' } };
  }
  const distance = absolute(subtract(price, reference));
  if (compare(distance, limit) <= 0) return undefined;
  const current = formatDecimal(distance);
  const message = `the price ${formatDecimal(price)} is ${current} away from the reference ${formatDecimal(reference)}, more than the ${details.limit} allowed`;
  return { code: 'PRICE_COLLAR_EXCEEDED', message, details: { ...details, current } };
}

function referenceOf({ bestBid, bestAsk }: Quote): Decimal | null {
  if (bestBid === null || bestAsk === null) return bestBid ?? bestAsk;
  return times(add(bestBid, bestAsk), HALF);
}

/** Whole ones, so that refusals read well; rounded towards what refuses less by under a millisecond. */
function milliseconds(value: number): Decimal {
  return decimal(String(Math.floor(value)));
}
