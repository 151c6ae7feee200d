import { type Amount, notionalOf, roundedHalfEven, ZERO } from '@interlock/persistence';

/** What is held of one outcome, at average cost; one per (strategy, venue, account, market, outcome). */
export interface Position {
  /** Shares, never below zero: there are no short positions. */
  readonly quantity: Amount;
  /** What the held shares cost, in units of collateral, without fees. */
  readonly costBasis: Amount;
  /** Sum over all sales and settlements so far; fees kept apart. */
  readonly realizedPnl: Amount;
  readonly fees: Amount;
}

/** Shares that change hands: a fill, or a settlement as a sale at its payout. */
export interface Trade {
  readonly side: 'BUY' | 'SELL';
  /** Per share, from 0 (a settlement may pay nothing) to 1. */
  readonly price: Amount;
  /** Shares, above zero. */
  readonly quantity: Amount;
  readonly fee: Amount;
  /** What was paid for them, where that is not theirs alone to say: their part of a settlement's payment. */
  readonly notional?: Amount;
}

/** What a trade did to a position. */
export interface Booked {
  readonly position: Position;
  /** Price times quantity, rounded half-even to 8 decimals, once, or a settlement's part: what cash, cost and profit use. */
  readonly notional: Amount;
  /** By how much the cost basis rose (a purchase) or fell (a sale, below zero). */
  readonly costChange: Amount;
  /** Zero for a purchase. */
  readonly realizedPnl: Amount;
}

export const FLAT: Position = { quantity: ZERO, costBasis: ZERO, realizedPnl: ZERO, fees: ZERO };

/** A sale of more shares than are held: the books and the venue disagree. */
export class Oversold extends Error {
  constructor(
    readonly held: Amount,
    readonly sold: Amount,
  ) {
    super(`${sold.toFixed()} shares sold where ${held.toFixed()} are held`);
    this.name = 'Oversold';
  }
}

/**
 * Books one trade at average cost (orders.md, "Ledger arithmetic"). A sale removes its share of the cost, rounded half-even; the sale
 * that closes the position removes all that is left, so that a flat position costs nothing.
 * @throws Oversold
 */
export function book(position: Position, { side, price, quantity, fee, notional: paid }: Trade): Booked {
  const notional = paid ?? notionalOf(price, quantity);
  const costChange = side === 'BUY' ? notional : costOf(position, quantity).neg();
  const realizedPnl = side === 'BUY' ? ZERO : notional.plus(costChange);
  return {
    position: {
      quantity: side === 'BUY' ? position.quantity.plus(quantity) : position.quantity.minus(quantity),
      costBasis: position.costBasis.plus(costChange),
      realizedPnl: position.realizedPnl.plus(realizedPnl),
      fees: position.fees.plus(fee),
    },
    notional,
    costChange,
    realizedPnl,
  };
}

/**
 * The position that trades in this order make from nothing.
 * @throws Oversold
 */
export function positionOf(trades: Iterable<Trade>): Position {
  let position = FLAT;
  for (const trade of trades) position = book(position, trade).position;
  return position;
}

/**
 * Shares out what a venue pays for one outcome. It rounds once, over all shares of the account; positions that rounded each by itself would
 * not add up to that. So each gets what the rounded payment rises by when its shares are added to those before.
 */
export class SettledOutcome {
  private shares = ZERO;

  /** @param payout per share */
  constructor(private readonly payout: Amount) {}

  /** @returns what is paid for the next position's shares */
  pay(quantity: Amount): Amount {
    const before = roundedHalfEven(this.payout.times(this.shares));
    this.shares = this.shares.plus(quantity);
    return roundedHalfEven(this.payout.times(this.shares)).minus(before);
  }
}

function costOf({ quantity: held, costBasis }: Position, sold: Amount): Amount {
  if (sold.gt(held)) throw new Oversold(held, sold);
  return sold.eq(held) ? costBasis : roundedHalfEven(costBasis.times(sold).div(held));
}
