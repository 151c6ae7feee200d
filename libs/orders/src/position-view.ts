import { type Amount, amount, amountText, plainAmount, roundedHalfEven } from '@interlock/persistence';
import type { PositionKey } from './ledger/entries.js';

/** A position as it is shown. Amounts are plain decimal text, money in units of collateral, times ISO 8601 UTC. */
export interface PositionView extends Omit<PositionKey, 'account'> {
  readonly quantity: string;
  /** What the shares that are held have cost, fees apart. */
  readonly costBasis: string;
  /** Cost per share, to 8 decimals; null while nothing is held. */
  readonly averagePrice: string | null;
  /** Of all sales and settlements so far, fees apart. */
  readonly realizedPnl: string;
  readonly fees: string;
  /** Shares that working orders may still buy. */
  readonly workingBuy: string;
  /** Shares that working orders promise to sell. */
  readonly workingSell: string;
  /** The best bid: what a share could be sold for now; null where nobody bids. */
  readonly markPrice: string | null;
  /** `quantity · markPrice − costBasis`; null without a mark. */
  readonly unrealizedPnl: string | null;
  readonly updatedAt: string;
}

/** A position with its mark, amounts as PostgreSQL's `numeric` writes them. */
export interface PositionRow extends PositionKey {
  readonly quantity: string;
  readonly costBasis: string;
  readonly realizedPnl: string;
  readonly fees: string;
  readonly workingBuy: string;
  readonly workingSell: string;
  readonly mark: string | null;
  readonly updatedAt: Date;
}

/** What shares are worth above their cost when sold at the mark, rounded half-even to 8 decimals; null without a mark. */
export function unrealizedOf(position: {
  readonly quantity: string;
  readonly costBasis: string;
  readonly mark: string | null;
}): Amount | null {
  if (position.mark === null) return null;
  return roundedHalfEven(amount(position.quantity).times(amount(position.mark)).minus(amount(position.costBasis)));
}

export function positionViewOf(row: PositionRow): PositionView {
  const { strategy, venue, market, outcome, mark } = row;
  const quantity = amount(row.quantity);
  const unrealized = unrealizedOf(row);
  return {
    strategy,
    venue,
    market,
    outcome,
    quantity: amountText(quantity),
    costBasis: plainAmount(row.costBasis),
    averagePrice: quantity.isZero() ? null : amountText(roundedHalfEven(amount(row.costBasis).div(quantity))),
    realizedPnl: plainAmount(row.realizedPnl),
    fees: plainAmount(row.fees),
    workingBuy: plainAmount(row.workingBuy),
    workingSell: plainAmount(row.workingSell),
    markPrice: mark === null ? null : plainAmount(mark),
    unrealizedPnl: unrealized === null ? null : amountText(unrealized),
    updatedAt: row.updatedAt.toISOString(),
  };
}
