import { compare, decimal, formatDecimal } from './decimal.js';

/** When the automatic kill switch trips; as its settings say. Durations in milliseconds. */
export interface TripLimits {
  readonly consecutiveFailures: number;
  readonly maxDailyLoss: string;
  readonly latencyThresholdMs: number;
  readonly latencySpikeMultiplier: number;
  readonly latencySpikeMinSamples: number;
  readonly latencySpikeFloorMs: number;
}

/** A rule of the automatic switch that is broken, with its numbers. */
export interface Trip {
  readonly rule: 'consecutiveFailures' | 'dailyLoss' | 'latencyThreshold' | 'latencySpike';
  readonly current: string;
  readonly limit: string;
  /** One plain sentence without a full stop. */
  readonly reason: string;
}

/** What is known of the durations of a pipeline's runs before the one that is judged. */
export interface Latency {
  /** Exponentially weighted moving average, in milliseconds. */
  readonly averageMs: number;
  readonly samples: number;
}

/** @param failures runs in a row that ended FAILED, the latest included */
export function consecutiveFailures(failures: number, { consecutiveFailures: limit }: TripLimits): Trip | undefined {
  if (failures < limit) return undefined;
  const numbers = { current: String(failures), limit: String(limit) };
  return { rule: 'consecutiveFailures', ...numbers, reason: `${failures} runs in a row failed (limit ${limit})` };
}

/** Nothing lost never trips: a limit of 0 blocks by the guard, and needs no switch. */
export function lossOfTheDay(loss: string, { maxDailyLoss }: TripLimits): Trip | undefined {
  const lost = decimal(loss);
  const allowed = decimal(maxDailyLoss);
  if (lost.units === 0n || compare(lost, allowed) < 0) return undefined;
  const numbers = { current: formatDecimal(lost), limit: formatDecimal(allowed) };
  return { rule: 'dailyLoss', ...numbers, reason: `today's losses are ${numbers.current} (limit ${numbers.limit})` };
}

/**
 * A run that took longer than the threshold, or than the duration that its pipeline declares where that is longer; else one that
 * took a multiple of its pipeline's average.
 */
export function latencyOfRun(
  durationMs: number,
  expectedDurationMs: number | undefined,
  known: Latency | undefined,
  limits: TripLimits,
): Trip | undefined {
  const threshold = Math.max(limits.latencyThresholdMs, expectedDurationMs ?? 0);
  if (durationMs > threshold) return latency('latencyThreshold', durationMs, threshold, `limit ${threshold} ms`);

  if (known === undefined || known.samples < limits.latencySpikeMinSamples) return undefined;
  const spike = known.averageMs * limits.latencySpikeMultiplier;
  if (durationMs <= spike || durationMs < limits.latencySpikeFloorMs) return undefined;
  const usual = `usually ${Math.round(known.averageMs)} ms, limit ${limits.latencySpikeMultiplier} times that`;
  return latency('latencySpike', durationMs, spike, usual);
}

function latency(rule: 'latencyThreshold' | 'latencySpike', durationMs: number, limitMs: number, why: string): Trip {
  const took = Math.round(durationMs);
  return { rule, current: String(took), limit: String(Math.round(limitMs)), reason: `a run took ${took} ms (${why})` };
}

/**
 * The average after one more run: `alpha` · duration + (1 − alpha) · average before; the first run is its own average.
 * @param alpha weight of the latest run, in (0, 1]
 */
export function withSample(known: Latency | undefined, durationMs: number, alpha: number): Latency {
  if (known === undefined) return { averageMs: durationMs, samples: 1 };
  return {
    averageMs: alpha * durationMs + (1 - alpha) * known.averageMs,
    samples: Math.min(known.samples + 1, 2_147_483_647),
  };
}

/** A switch, as far as the automatic one needs it. */
export interface SwitchReading {
  /** On, at `halt`: there is nothing left to trip. */
  readonly halts: boolean;
  readonly version: number;
  /** At which it was turned off last; 0: never. While it is off, its version. */
  readonly releasedVersion: number;
}

/** Runs in a row that ended FAILED, counted since the switch was turned off at this version. */
export interface Streak {
  readonly failures: number;
  readonly sinceVersion: number;
}

/**
 * The streak after one more run. A success ends it, and so does a release of the switch: whoever turns it off accepts what was
 * counted before. Somebody who only reduces meanwhile stops no count.
 */
export function nextStreak(before: Streak | undefined, now: SwitchReading, failed: boolean): Streak {
  const counted = before?.sinceVersion === now.releasedVersion ? before.failures : 0;
  return { failures: failed ? Math.min(counted + 1, 2_147_483_647) : 0, sinceVersion: now.releasedVersion };
}

/**
 * Whether a trip still has its switch to turn to `halt`, once somebody comes to carry it out. It stands unless the switch halts already, or a
 * person has let more through since: what they decided, they decided later. Two presses of `reduce` in a row there are not, so that one
 * change since, to `reduce`, was made from off.
 * @param trippedAt the switch's version when the trip was stored; it was off or at `reduce`
 */
export function stillTrips(
  trippedAt: number,
  now: { readonly version: number; readonly level: 'halt' | 'reduce' | null },
): boolean {
  if (now.level === 'halt') return false;
  return now.version === trippedAt || (now.level === 'reduce' && now.version === trippedAt + 1);
}
