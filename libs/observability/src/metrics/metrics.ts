import { Injectable, Logger } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { Reading } from './reading.js';

/** One value for each label of a series. */
export type Labels<L extends string> = Readonly<Record<L, string>>;

/** Bounds of durations' buckets, in seconds: from what a request in memory takes to what a long run takes. */
const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/**
 * The metrics of one application, in a registry of its own: two applications in one process, as in tests, do not see each other's.
 *
 * Names begin with `interlock_`, units are base units. Label values come from sets that are known before: never ids or names that
 * callers choose, since each new value is a series that is kept for ever. Series are declared when the metric is made and so exist
 * from the first scrape on: `increase()` does not see a counter's first appearance.
 */
@Injectable()
export class Metrics {
  private readonly registry = new Registry();
  private readonly logger = new Logger('metrics');
  private readonly looks: Reading[] = [];
  private readonly readings: Reading[] = [];
  private readonly failures = this.counter(
    'interlock_scrape_failures_total',
    'Scrapes for which a source of gauges could not be read in time; its gauges then show what was read before',
    [],
    ['source'],
  );
  private readonly readAt = this.gauge(
    'interlock_scrape_last_read_timestamp_seconds',
    'When the gauges of a source were last read; 0 while they never were',
    [],
    ['source'],
  );

  /** The media type of `page()`. */
  get contentType(): string {
    return this.registry.contentType;
  }

  /**
   * A count that only rises; its name ends in `_total`.
   * @param series those that exist from the start
   */
  counter<L extends string = never>(
    name: string,
    help: string,
    series: readonly Labels<L>[],
    labelNames: readonly L[] = namesOf(series),
  ): Counter<L> {
    const counter = new Counter<L>({ name, help, labelNames, registers: [this.registry] });
    for (const labels of series) counter.inc({ ...labels }, 0);
    return counter;
  }

  /** @param series those that exist from the start, as 0 */
  gauge<L extends string = never>(
    name: string,
    help: string,
    series: readonly Labels<L>[],
    labelNames: readonly L[] = namesOf(series),
  ): Gauge<L> {
    const gauge = new Gauge<L>({ name, help, labelNames, registers: [this.registry] });
    for (const labels of series) gauge.set({ ...labels }, 0);
    return gauge;
  }

  /** Durations in seconds; its name ends in `_duration_seconds`. */
  durations<L extends string = never>(name: string, help: string, series: readonly Labels<L>[]): Histogram<L> {
    const [labelNames, buckets] = [namesOf(series), DURATION_BUCKETS];
    const histogram = new Histogram<L>({ name, help, labelNames, buckets, registers: [this.registry] });
    for (const labels of series) histogram.zero({ ...labels });
    return histogram;
  }

  /**
   * Has `read` set its gauges at each scrape, once a second at most. A scrape waits a second for it at most, and is answered with
   * what the gauges showed before when it takes longer or fails.
   * @param source what `interlock_scrape_failures_total` calls it
   */
  readAtScrape(source: string, read: () => Promise<void>): void {
    this.readings.push(this.reading(source, read));
  }

  /**
   * Has `look` set its gauges from what this process has in memory, at each scrape, before anything is read for it: readings take
   * connections and processor time of their own, which would be told as if they were always busy.
   */
  lookAtScrape(source: string, look: () => void): void {
    this.looks.push(this.reading(source, look));
  }

  private reading(source: string, read: () => Promise<void> | void): Reading {
    this.failures.inc({ source }, 0);
    this.readAt.set({ source }, 0);
    let told = false;
    const onRead = () => {
      this.readAt.set({ source }, Date.now() / 1_000);
      told = false;
    };
    const onFailure = (reason: unknown) => {
      this.failures.inc({ source });
      if (!told)
        this.logger.warn(
          { source, reason: messageOf(reason) },
          'gauges could not be read; they show what was read last',
        );
      told = true;
    };
    return new Reading(read, onRead, onFailure);
  }

  /** Everything, in Prometheus's text format. Takes a second at most, whatever has become of the database. */
  async page(): Promise<string> {
    await Promise.all([...this.looks, ...this.readings].map((reading) => reading.refresh()));
    return this.registry.metrics();
  }
}

/** Every combination of these labels' values. */
export function everySeries<L extends string>(values: Readonly<Record<L, readonly string[]>>): Labels<L>[] {
  const entries = Object.entries<readonly string[]>(values);
  const combined = entries.reduce<Record<string, string>[]>(
    (series, [label, options]) => series.flatMap((labels) => options.map((value) => ({ ...labels, [label]: value }))),
    [{}],
  );
  return combined as Labels<L>[];
}

function namesOf<L extends string>([first]: readonly Labels<L>[]): L[] {
  return first === undefined ? [] : (Object.keys(first) as L[]);
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
