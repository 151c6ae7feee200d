import { type Amount, amount, ONE, ZERO } from '@interlock/persistence';
import type { StoredMarketQuote } from '@interlock/venues';

/** As much of a position as says what can be sold of it. */
export interface Holding {
  readonly quantity: Amount;
  /** Shares that working orders promise to sell. */
  readonly promised: Amount;
}

/** How the sale is bounded. */
export interface SaleLimits {
  /** How far below the reference a sale may be; null: however far. */
  readonly collar: Amount | null;
  /** The best bid when the plan began; null: there was none yet. */
  readonly referenceBid: Amount | null;
  /** Most shares that the guards let one order have, and its highest value; null: any. */
  readonly mostQuantity: Amount | null;
  readonly mostValue: Amount | null;
}

export type NextSale =
  | { readonly kind: 'sell'; readonly price: Amount; readonly quantity: Amount }
  /** Less than the market takes. */
  | { readonly kind: 'dust' }
  /** There may be something to sell to later: no bid now, or too low a one. */
  | { readonly kind: 'wait' }
  /** The market trades no more. */
  | { readonly kind: 'closed' };

/** What to sell of a position now: at the best bid as much as it shows, never below the collar. */
export function nextSale(
  { quantity, promised }: Holding,
  quote: StoredMarketQuote | undefined,
  limits: SaleLimits,
): NextSale {
  if (quote === undefined) return { kind: 'wait' };
  const minimum = amount(quote.minimumQuantity);
  if (quantity.lt(minimum)) return { kind: 'dust' };
  if (quote.status === 'CLOSED' || (quote.closesInMs ?? 1) <= 0) return { kind: 'closed' };
  const { bestBid, bestBidQuantity, status } = quote;
  if (status === 'PAUSED' || bestBid === null || bestBidQuantity === null) return { kind: 'wait' };
  const price = onTick(amount(bestBid), amount(quote.tick));
  // Prices are above 0 and below 1: no order can be at another one.
  if (price.lte(ZERO) || price.gte(ONE) || price.lt(floorOf(limits))) return { kind: 'wait' };
  const size = sliceOf(quantity.minus(promised), amount(bestBidQuantity), minimum, mostSharesOf(limits, price));
  return size === undefined ? { kind: 'wait' } : { kind: 'sell', price, quantity: size };
}

/**
 * The best price at or below the bid at which the market takes orders: others may bid between its ticks, and what sells there gets
 * their bid. At the bid itself an order would be refused for ever.
 */
function onTick(bid: Amount, tick: Amount): Amount {
  return bid.minus(bid.mod(tick));
}

function floorOf({ collar, referenceBid }: SaleLimits): Amount {
  return collar === null || referenceBid === null ? ZERO : referenceBid.minus(collar);
}

function mostSharesOf({ mostQuantity, mostValue }: SaleLimits, price: Amount): Amount | null {
  const byValue = mostValue === null ? null : mostValue.div(price).toDecimalPlaces(0, 1); // 1: towards zero
  if (mostQuantity === null || byValue === null) return mostQuantity ?? byValue;
  return mostQuantity.lt(byValue) ? mostQuantity : byValue;
}

/** @returns undefined when no order of an allowed size can be made */
function sliceOf(free: Amount, shown: Amount, minimum: Amount, most: Amount | null): Amount | undefined {
  if (free.lt(minimum)) return undefined;
  // An order below the minimum is not taken; of one that is larger than what is shown, the rest ends at once.
  let size = least(free, shown.lt(minimum) ? minimum : shown);
  if (most !== null) size = least(size, most);
  const rest = free.minus(size);
  // Rather a smaller slice now than a rest that nobody takes.
  if (rest.gt(ZERO) && rest.lt(minimum) && free.minus(minimum).gte(minimum)) size = least(size, free.minus(minimum));
  return size.lt(minimum) ? undefined : size;
}

function least(a: Amount, b: Amount): Amount {
  return a.lt(b) ? a : b;
}
