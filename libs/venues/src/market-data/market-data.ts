import type { DecimalText } from '../port/venue.types.js';

/** One outcome's book as a source shows it: levels of price and quantity, best first. */
export interface ShownBook {
  readonly bids: readonly (readonly [price: DecimalText, quantity: DecimalText])[];
  readonly asks: readonly (readonly [price: DecimalText, quantity: DecimalText])[];
}

/** What a market looks like from now on, all of it. */
export interface BookUpdate {
  readonly market: string;
  readonly books: Readonly<Record<string, ShownBook>>;
}

/** The updates of one instant. */
export interface MarketDataStep {
  /** From 1. */
  readonly step: number;
  /** How many there will be; null where there is no end. */
  readonly steps: number | null;
  readonly updates: readonly BookUpdate[];
}

/** Where books come from: a recording, or later a venue's stream. */
export interface MarketDataSource {
  /**
   * The updates, each step when it is due; one that comes late does not delay those after it.
   * @throws the signal's reason once the signal is aborted
   */
  play(signal: AbortSignal): AsyncIterable<MarketDataStep>;
}
