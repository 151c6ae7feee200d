import { type Amount, ZERO } from '@interlock/persistence';
import type { Booked, Position, Trade } from './position.js';

/**
 * One balanced set of entries in the journal: what it debits (above zero) and credits (below zero) on five accounts. They sum to zero;
 * the database refuses a posting that does not.
 *
 * | account | debit | credit |
 * |---|---|---|
 * | cash | received | paid |
 * | cost | shares bought, at cost | shares sold, at average cost |
 * | realized | loss | profit |
 * | fees | charged | given back |
 * | capital | withdrawn | deposited |
 */
export interface Posting {
  /** Shares that came (above zero) or went; no money, and not in the sum. */
  readonly shares: Amount;
  readonly cash: Amount;
  readonly cost: Amount;
  readonly realized: Amount;
  readonly fees: Amount;
  readonly capital: Amount;
}

/** Entries of a fill or a settlement. */
export function postingOf({ side, quantity, fee }: Trade, { notional, costChange, realizedPnl }: Booked): Posting {
  return {
    shares: side === 'BUY' ? quantity : quantity.neg(),
    cash: (side === 'BUY' ? notional.neg() : notional).minus(fee),
    cost: costChange,
    realized: realizedPnl.neg(),
    fees: fee,
    capital: ZERO,
  };
}

/** Entries of cash that came from outside (below zero: that was withdrawn). */
export function depositOf(cash: Amount): Posting {
  return { shares: ZERO, cash, cost: ZERO, realized: ZERO, fees: ZERO, capital: cash.neg() };
}

/**
 * The one adjusting entry of a voided fill: what leads from the position as it was booked to the one that its remaining trades make.
 * History is never edited. Cash changes by what balances the rest, which is the voided trade's own cash turned round.
 */
export function adjustmentOf(before: Position, after: Position): Posting {
  const shares = after.quantity.minus(before.quantity);
  const cost = after.costBasis.minus(before.costBasis);
  const realized = before.realizedPnl.minus(after.realizedPnl);
  const fees = after.fees.minus(before.fees);
  return { shares, cash: cost.plus(realized).plus(fees).neg(), cost, realized, fees, capital: ZERO };
}

/** Result of a posting: profit (loss below zero) after fees. What is below zero counts into its day's loss. */
export function resultOf({ realized, fees }: Posting): Amount {
  return realized.plus(fees).neg();
}
