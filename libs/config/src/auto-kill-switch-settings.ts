import type { z } from 'zod';
import { amount, flag, integer, ratio } from './parsers.js';
import type { RISK_SETTINGS } from './risk-settings.js';

/** Settings of the automatic kill switch, for the schema of the environment. */
export const AUTO_KILL_SWITCH_SETTINGS = {
  AUTO_KILL_SWITCH_ENABLED: flag().default(true),
  AUTO_KILL_SWITCH_CONSECUTIVE_FAILURES: integer(1, 1_000_000).default(3),
  AUTO_KILL_SWITCH_MAX_DAILY_LOSS: amount().optional(),
  AUTO_KILL_SWITCH_LATENCY_THRESHOLD_MS: integer(1, 86_400_000).default(30_000),
  AUTO_KILL_SWITCH_LATENCY_SPIKE_MULTIPLIER: ratio(1, 1_000).default(3),
  AUTO_KILL_SWITCH_LATENCY_SPIKE_MIN_SAMPLES: integer(1, 1_000_000).default(5),
  AUTO_KILL_SWITCH_LATENCY_SPIKE_FLOOR_MS: integer(0, 86_400_000).default(1_000),
  AUTO_KILL_SWITCH_LATENCY_EWMA_ALPHA: ratio(0.000001, 1).default(0.2),
};

type AutoKillSwitchEnvironment = z.infer<
  z.ZodObject<typeof AUTO_KILL_SWITCH_SETTINGS & Pick<typeof RISK_SETTINGS, 'RISK_MAX_DAILY_LOSS'>>
>;

/** When the automatic kill switch trips. Durations in milliseconds. */
export interface AutoKillSwitchSettings {
  /** False: it observes, but never trips. */
  readonly enabled: boolean;
  /** Runs in a row that ended FAILED. */
  readonly consecutiveFailures: number;
  /** In units of collateral, as decimal text. */
  readonly maxDailyLoss: string;
  readonly latencyThresholdMs: number;
  readonly latencySpikeMultiplier: number;
  /** Runs of a pipeline that must be known before a spike is one. */
  readonly latencySpikeMinSamples: number;
  /** A spike below it is none. */
  readonly latencySpikeFloorMs: number;
  /** Weight of the latest run in the moving average of a pipeline's durations, in (0, 1]. */
  readonly latencyEwmaAlpha: number;
}

export function autoKillSwitchSettings(environment: AutoKillSwitchEnvironment): AutoKillSwitchSettings {
  return {
    enabled: environment.AUTO_KILL_SWITCH_ENABLED,
    consecutiveFailures: environment.AUTO_KILL_SWITCH_CONSECUTIVE_FAILURES,
    maxDailyLoss: environment.AUTO_KILL_SWITCH_MAX_DAILY_LOSS ?? environment.RISK_MAX_DAILY_LOSS,
    latencyThresholdMs: environment.AUTO_KILL_SWITCH_LATENCY_THRESHOLD_MS,
    latencySpikeMultiplier: environment.AUTO_KILL_SWITCH_LATENCY_SPIKE_MULTIPLIER,
    latencySpikeMinSamples: environment.AUTO_KILL_SWITCH_LATENCY_SPIKE_MIN_SAMPLES,
    latencySpikeFloorMs: environment.AUTO_KILL_SWITCH_LATENCY_SPIKE_FLOOR_MS,
    latencyEwmaAlpha: environment.AUTO_KILL_SWITCH_LATENCY_EWMA_ALPHA,
  };
}
