import { type Amount, amountText, decimalOf, ONE, ZERO } from '@interlock/persistence';
import type { DecimalText } from '../port/venue.types.js';
import type { ShownBook } from './market-data.js';

/** How a book is made around a price. */
export interface SyntheticBookRules {
  /** Between best bid and best ask. */
  readonly spread: DecimalText;
  /** Shares at each level. */
  readonly depth: DecimalText;
  /** Levels on either side, a tick apart. */
  readonly levels: number;
  readonly tick: DecimalText;
}

/**
 * Books of YES and NO around a price of YES. Bids are rounded down to the tick and asks up, so that the spread is never less than
 * stated; NO mirrors YES, as buying NO at q is selling YES at 1 − q. Levels that would not lie between 0 and 1 are left out.
 */
export function syntheticBooks(price: DecimalText, rules: SyntheticBookRules): { YES: ShownBook; NO: ShownBook } {
  const tick = decimalOf(rules.tick);
  const half = decimalOf(rules.spread).div(2);
  const bid = decimalOf(price).minus(half).div(tick).floor().times(tick);
  const rounded = decimalOf(price).plus(half).div(tick).ceil().times(tick);
  const ask = rounded.gt(bid) ? rounded : bid.plus(tick); // without a spread, at a price on the tick
  const bids = levelsFrom(bid, tick.neg(), rules);
  const asks = levelsFrom(ask, tick, rules);
  const mirrored = (prices: readonly Amount[]) => prices.map((given) => ONE.minus(given));
  const shown = (prices: readonly Amount[]) => prices.map((given) => [amountText(given), rules.depth] as const);
  return {
    YES: { bids: shown(bids), asks: shown(asks) },
    NO: { bids: shown(mirrored(asks)), asks: shown(mirrored(bids)) },
  };
}

function levelsFrom(best: Amount, step: Amount, { levels }: SyntheticBookRules): Amount[] {
  const prices = Array.from({ length: levels }, (_, index) => best.plus(step.times(index)));
  return prices.filter((price) => price.gt(ZERO) && price.lt(ONE));
}
