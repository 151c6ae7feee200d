import type { DecimalText, FeeSchedule, MarketStatus } from '../port/venue.types.js';
import type { MarketState } from './exchange.types.js';
import { type BookRow, bookRow, venueMarketOf } from './rows.js';

/** A market of the paper venue with what others offer in it. */
export interface PaperMarketView extends FeeSchedule {
  readonly market: string;
  readonly outcomes: readonly string[];
  readonly tick: DecimalText;
  readonly minQuantity: DecimalText;
  readonly status: MarketStatus;
  readonly closesAt: Date | null;
  readonly settledAt: Date | null;
  /** Of every outcome, best level first. */
  readonly books: Readonly<Record<string, BookRow>>;
}

export function paperMarketView(state: MarketState): PaperMarketView {
  const { market, outcomes, tick, minimumQuantity, status, closesAt, fees } = venueMarketOf(state);
  const books = [...state.outcomes.values()].map(({ outcome, book }) => [outcome, bookRow(book)] as const);
  return {
    market,
    outcomes,
    ...fees,
    tick,
    minQuantity: minimumQuantity,
    status,
    closesAt,
    settledAt: state.settledAt,
    books: Object.fromEntries(books),
  };
}
