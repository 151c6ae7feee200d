import { type Amount, smaller, ZERO } from '@interlock/persistence';
import type { Side } from '../../port/venue.types.js';

export interface Level {
  readonly price: Amount;
  readonly quantity: Amount;
}

/** What others offer for one outcome: best level first on either side, each price once. */
export interface Book {
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
}

export const EMPTY_BOOK: Book = { bids: [], asks: [] };

/** Makes a book of levels in any order; levels of one price are added up. */
export function bookOf(bids: readonly Level[], asks: readonly Level[]): Book {
  return {
    bids: merged(bids).toSorted((a, b) => b.price.cmp(a.price)),
    asks: merged(asks).toSorted((a, b) => a.price.cmp(b.price)),
  };
}

function merged(levels: readonly Level[]): Level[] {
  const byPrice = new Map<string, Level>();
  for (const { price, quantity } of levels) {
    const key = price.toFixed();
    byPrice.set(key, { price, quantity: quantity.plus(byPrice.get(key)?.quantity ?? ZERO) });
  }
  return [...byPrice.values()];
}

/** A bid at or above an ask: they would have traded. */
export function isCrossed({ bids, asks }: Book): boolean {
  const [bid] = bids;
  const [ask] = asks;
  return bid !== undefined && ask !== undefined && bid.price.gte(ask.price);
}

/** The side of the book that an order of this side rests on. */
export function ownSide(book: Book, side: Side): readonly Level[] {
  return side === 'BUY' ? book.bids : book.asks;
}

/** The side of the book that an order of this side trades with. */
export function oppositeSide(book: Book, side: Side): readonly Level[] {
  return side === 'BUY' ? book.asks : book.bids;
}

export function quantityAt(levels: readonly Level[], price: Amount): Amount {
  return levels.find((level) => level.price.eq(price))?.quantity ?? ZERO;
}

/** Whether an order with this limit may trade at `price`; no limit reaches every price. */
export function reaches(side: Side, limit: Amount | null, price: Amount): boolean {
  if (limit === null) return true;
  return side === 'BUY' ? limit.gte(price) : limit.lte(price);
}

export interface Walk {
  /** What is taken, level by level. */
  readonly takes: readonly Level[];
  /** What of the wanted quantity is not to be had. */
  readonly left: Amount;
  readonly book: Book;
}

/** Takes up to `quantity` from the other side, best level first, as far as the limit allows. */
export function walk(book: Book, side: Side, limit: Amount | null, quantity: Amount): Walk {
  const takes: Level[] = [];
  const remaining: Level[] = [];
  let left = quantity;
  for (const level of oppositeSide(book, side)) {
    const taken = reaches(side, limit, level.price) ? smaller(left, level.quantity) : ZERO;
    if (taken.gt(ZERO)) takes.push({ price: level.price, quantity: taken });
    if (taken.lt(level.quantity)) remaining.push({ ...level, quantity: level.quantity.minus(taken) });
    left = left.minus(taken);
  }
  return { takes, left, book: side === 'BUY' ? { ...book, asks: remaining } : { ...book, bids: remaining } };
}
