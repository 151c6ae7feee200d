import { type Amount, amountText, notionalOf, ONE, roundedUp, ZERO } from '@interlock/persistence';
import { highestFee } from '../fees.js';
import type { FeeSchedule, RejectCode } from '../port/venue.types.js';
import {
  type AccountState,
  isTrading,
  type MarketState,
  type NewOrder,
  type OutcomeState,
  type PaperBehaviour,
} from './exchange.types.js';
import type { Walk } from './matching/book.js';
import { wouldTrade } from './matching/resting.js';

export interface Rejection {
  readonly code: RejectCode;
  readonly message: string;
}

/** What an order is judged by. */
export interface Situation {
  readonly order: NewOrder;
  readonly market: MarketState;
  readonly outcome: OutcomeState;
  readonly account: AccountState;
  readonly mode: PaperBehaviour['mode'];
  readonly now: Date;
}

/** The cash that a buy needs: its value at the limit (without one: at 1) and the highest possible fee. */
export function neededCash(fees: FeeSchedule, price: Amount | null, quantity: Amount): Amount {
  const limits = {
    side: 'BUY' as const,
    price: price === null ? null : amountText(price),
    quantity: amountText(quantity),
  };
  return roundedUp((price ?? ONE).times(quantity)).plus(highestFee(fees, limits));
}

/** The venue's reason to refuse an order, or null. */
export function rejectionOf(situation: Situation): Rejection | null {
  return rulesRejection(situation) ?? tradingRejection(situation) ?? meansRejection(situation);
}

function rulesRejection({ order, market: { rules }, now }: Situation): Rejection | null {
  const { price, quantity, type, timeInForce, expiresAt, postOnly } = order;
  if (!isTrading(rules, now)) return { code: 'MARKET_CLOSED', message: 'the market does not trade' };
  const rests = timeInForce === 'GTC' || timeInForce === 'GTD';
  if ((type === 'limit' && price === null) || (type === 'market' && rests)) {
    return { code: 'INVALID_ORDER', message: 'a limit order needs a price, a market order ends at once' };
  }
  if (postOnly && !rests) return { code: 'INVALID_ORDER', message: 'a post-only order must be able to rest' };
  if ((timeInForce === 'GTD') !== (expiresAt !== null) || (expiresAt !== null && expiresAt <= now)) {
    return { code: 'INVALID_ORDER', message: 'a GTD order, and no other, ends at a time to come' };
  }
  if (price !== null && !(price.gt(ZERO) && price.lt(ONE) && price.mod(rules.tick).isZero())) {
    return {
      code: 'INVALID_TICK',
      message: `the price must be a multiple of ${amountText(rules.tick)} between 0 and 1`,
    };
  }
  if (quantity.lt(rules.minimumQuantity)) {
    return { code: 'BELOW_MINIMUM_SIZE', message: `at least ${amountText(rules.minimumQuantity)} shares` };
  }
  return null;
}

function tradingRejection({ order, outcome, mode }: Situation): Rejection | null {
  const mustNotTrade = order.postOnly || mode === 'post-only';
  return mustNotTrade && wouldTrade(outcome.book, order.side, order.price)
    ? { code: 'POST_ONLY_WOULD_TRADE', message: 'the order would trade at once' }
    : null;
}

function meansRejection({ order, market, outcome, account }: Situation): Rejection | null {
  const { side, price, quantity, reduceOnly } = order;
  if (side === 'BUY') {
    // Nobody is ever short here, so that no buy makes a position smaller.
    if (reduceOnly) return { code: 'REDUCE_ONLY_VIOLATION', message: 'a buy does not reduce' };
    const available = account.cash.minus(account.reserved);
    const needed = neededCash(market.rules.fees, price, quantity);
    return needed.gt(available)
      ? { code: 'INSUFFICIENT_CASH', message: `needs ${amountText(needed)}, has ${amountText(available)}` }
      : null;
  }
  const free = outcome.held.minus(outcome.promised);
  if (quantity.lte(free)) return null;
  const code = reduceOnly ? 'REDUCE_ONLY_VIOLATION' : 'INSUFFICIENT_POSITION';
  return { code, message: `holds ${amountText(free)} that no other order promises` };
}

/** Where fees are rounded up, selling a little can cost more than it brings; that must be paid, too. */
export function sellCostRejection(account: AccountState, { takes }: Walk, fees: readonly Amount[]): Rejection | null {
  const proceeds = takes.reduce((sum, { price, quantity }, i) => {
    return sum.plus(notionalOf(price, quantity)).minus(fees[i] ?? ZERO);
  }, ZERO);
  const available = account.cash.minus(account.reserved);
  if (proceeds.gte(ZERO) || available.plus(proceeds).gte(ZERO)) return null;
  return { code: 'INSUFFICIENT_CASH', message: 'its fees are more than it brings and than there is' };
}

/**
 * Whether the order with this number is refused for no reason: a hash of seed and number, evenly spread, below the rate. (The
 * finalizer of MurmurHash3, 32 bits, over both.)
 */
export function isStruck({ rejectRate, seed }: PaperBehaviour, number: number): boolean {
  return scrambled(scrambled(seed % 2 ** 32) ^ number) / 2 ** 32 < rejectRate;
}

function scrambled(value: number): number {
  let hash = value >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** What is wrong with the payouts of a settlement; each must already lie between 0 and 1. */
export function payoutFaults(outcomes: Iterable<string>, payouts: ReadonlyMap<string, Amount>): string[] {
  const wanted = [...outcomes];
  const faults: string[] = [];
  const unknown = [...payouts.keys()].filter((outcome) => !wanted.includes(outcome));
  const missing = wanted.filter((outcome) => !payouts.has(outcome));
  if (unknown.length > 0) faults.push(`the market has no outcome ${unknown.join(', ')}`);
  if (missing.length > 0) faults.push(`must say what ${missing.join(', ')} pays`);
  const sum = [...payouts.values()].reduce((total, payout) => total.plus(payout), ZERO);
  if (!sum.eq(ONE)) faults.push('must sum to 1');
  return faults;
}
