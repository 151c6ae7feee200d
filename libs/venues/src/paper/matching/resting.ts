import { type Amount, smaller, ZERO } from '@interlock/persistence';
import type { Side } from '../../port/venue.types.js';
import { type Book, oppositeSide, ownSide, quantityAt, reaches, walk } from './book.js';

/** One of our orders that waits in the book of an outcome. */
export interface RestingOrder {
  readonly side: Side;
  readonly price: Amount;
  readonly remaining: Amount;
  /** What of others is in front of it at its price. */
  readonly queueAhead: Amount;
  /** Number of its arrival at the venue. */
  readonly arrival: number;
}

/** What an event did to one resting order, in the order of the fills. A quantity of 0: its place in the queue changed only. */
export interface Step<O extends RestingOrder> {
  readonly order: O;
  readonly filled: Amount;
  readonly queueAhead: Amount;
}

export interface TradeByOthers {
  /** The aggressor's. */
  readonly side: Side;
  readonly price: Amount;
  readonly quantity: Amount;
}

/**
 * A trade between others, of whose quantity we get what would have been ours: orders at better prices than the trade's are filled
 * without a queue, since it went through them; at its own price it first uses up what is ahead of them. The shown book stays as it
 * is, so it is the queues that remember.
 * @param resting any orders of the outcome
 */
export function tradeByOthers<O extends RestingOrder>(resting: readonly O[], trade: TradeByOthers): Step<O>[] {
  const steps: Step<O>[] = [];
  let left = trade.quantity;
  /** Of the outside quantity at the trade's price: it stood before all of our orders there, so that it counts for each of them. */
  let usedUp = ZERO;
  const hit = byPriority(resting).filter(
    ({ side, price }) => side !== trade.side && reaches(trade.side, trade.price, price),
  );
  for (const order of hit) {
    const isThrough = !order.price.eq(trade.price);
    if (!isThrough) {
      const ahead = positive(order.queueAhead.minus(usedUp));
      const used = smaller(ahead, left);
      usedUp = usedUp.plus(used);
      left = left.minus(used);
    }
    const filled = smaller(order.remaining, left);
    left = left.minus(filled);
    // Whoever trades stands at the front.
    const queueAhead = filled.gt(ZERO) ? ZERO : isThrough ? order.queueAhead : positive(order.queueAhead.minus(usedUp));
    if (filled.gt(ZERO) || !queueAhead.eq(order.queueAhead)) steps.push({ order, filled, queueAhead });
  }
  return steps;
}

/**
 * New liquidity of others. Where its other side reaches one of our prices we trade at our price and take that quantity out of the
 * new book; where it does not, nobody can be ahead of us beyond what is shown now.
 */
export function bookReplaced<O extends RestingOrder>(
  resting: readonly O[],
  shown: Book,
): { steps: Step<O>[]; book: Book } {
  const steps: Step<O>[] = [];
  let book = shown;
  for (const order of byPriority(resting)) {
    const reached = walk(book, order.side, order.price, order.remaining);
    const filled = order.remaining.minus(reached.left);
    book = reached.book;
    const queueAhead = smaller(order.queueAhead, quantityAt(ownSide(shown, order.side), order.price));
    if (filled.gt(ZERO) || !queueAhead.eq(order.queueAhead)) steps.push({ order, filled, queueAhead });
  }
  return { steps, book };
}

/** Whether an order would trade on arrival. */
export function wouldTrade(book: Book, side: Side, limit: Amount | null): boolean {
  const [best] = oppositeSide(book, side);
  return best !== undefined && reaches(side, limit, best.price);
}

/** Bids before asks, on either side the best price first, at one price the earliest first. */
function byPriority<O extends RestingOrder>(resting: readonly O[]): O[] {
  return resting.toSorted((a, b) => {
    if (a.side !== b.side) return a.side === 'BUY' ? -1 : 1;
    const byPrice = a.side === 'BUY' ? b.price.cmp(a.price) : a.price.cmp(b.price);
    return byPrice === 0 ? a.arrival - b.arrival : byPrice;
  });
}

function positive(value: Amount): Amount {
  return value.lt(ZERO) ? ZERO : value;
}
