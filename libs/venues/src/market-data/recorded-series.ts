import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { MarketDataSource, MarketDataStep } from './market-data.js';
import { type SyntheticBookRules, syntheticBooks } from './synthetic-book.js';

/** One market's prices of YES, oldest first, at equal intervals. */
export interface RecordedSeries {
  readonly market: string;
  readonly prices: readonly number[];
}

/** The recording cannot be played; the message says where it is wrong. */
export class InvalidRecording extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'InvalidRecording';
  }
}

const fileSchema = z
  .array(
    z.object({
      market_id: z.string().regex(/^[\x21-\x7e]{1,128}$/, 'must be 1 to 128 visible ASCII characters'),
      prices: z.array(z.number().min(0).max(1)).min(1),
    }),
  )
  .min(1);

/**
 * Reads a recording: a JSON list of `{ market_id, prices }`, other fields being ignored.
 * @throws InvalidRecording
 */
export function readSeries(text: string): RecordedSeries[] {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw new InvalidRecording('it is no JSON');
  }
  const parsed = fileSchema.safeParse(content);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new InvalidRecording(`${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'is wrong'}`);
  }
  const series = parsed.data.map(({ market_id: market, prices }) => ({ market, prices }));
  if (new Set(series.map(({ market }) => market)).size < series.length) {
    throw new InvalidRecording('a market_id occurs twice');
  }
  return series;
}

/** Plays recorded prices as synthetic books. A market whose series is over keeps its last book. */
export class RecordedMarketData implements MarketDataSource {
  /** @param stepMs from one price to the next, in milliseconds; 0 plays as fast as the receiver takes it */
  constructor(
    private readonly series: readonly RecordedSeries[],
    private readonly book: SyntheticBookRules,
    private readonly stepMs: number,
  ) {}

  async *play(signal: AbortSignal): AsyncGenerator<MarketDataStep> {
    const steps = Math.max(...this.series.map(({ prices }) => prices.length));
    const begin = performance.now();
    for (let index = 0; index < steps; index += 1) {
      const due = begin + index * this.stepMs - performance.now();
      if (due > 0) await delay(due, undefined, { signal }).catch(() => undefined);
      signal.throwIfAborted();
      yield { step: index + 1, steps, updates: this.updatesAt(index) };
    }
  }

  private updatesAt(index: number) {
    return this.series.flatMap(({ market, prices }) => {
      const price = prices[index];
      return price === undefined ? [] : [{ market, books: syntheticBooks(String(price), this.book) }];
    });
  }
}
