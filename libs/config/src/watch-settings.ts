import type { z } from 'zod';
import { amount, integer } from './parsers.js';

const DAY_MS = 86_400_000;

/** Settings of the reconciliation and of what is watched while orders work, for the schema of the environment. */
export const WATCH_SETTINGS = {
  RECONCILE_INTERVAL_MS: integer(1_000, DAY_MS).default(30_000),
  RECONCILE_TOLERANCE_CASH: amount().default('0.01'),
  RECONCILE_TOLERANCE_SHARES: amount().default('0'),
  VENUE_SILENT_MS: integer(1_000, DAY_MS).default(30_000),
  MARKET_DATA_LOST_MS: integer(0, DAY_MS).default(0),
  AUTO_KILL_SWITCH_MAX_TOTAL_DAILY_LOSS: amount().optional(),
};

type WatchEnvironment = z.infer<z.ZodObject<typeof WATCH_SETTINGS>>;

/** How the ledger is compared with venues. */
export interface ReconciliationSettings {
  /** Milliseconds from one to the next. */
  readonly intervalMs: number;
  /** A difference in cash up to it is told and no more; in units of collateral, decimal text. */
  readonly toleranceCash: string;
  /** As much of a position or of what is filled of an order, in shares. */
  readonly toleranceShares: string;
}

/** When the automatic kill switch trips over what is watched while orders work. */
export interface WatchSettings {
  /** How long a venue may be unreachable while orders work there or shares are held, in milliseconds. */
  readonly venueSilentMs: number;
  /** How old quotes of what is held or ordered may become, in milliseconds; undefined: any age. */
  readonly marketDataLostMs: number | undefined;
  /** Today's losses with open positions at the bid, decimal text; undefined: only the risk guards' own limit counts. */
  readonly maxTotalDailyLoss: string | undefined;
}

export function reconciliationSettings(environment: WatchEnvironment): ReconciliationSettings {
  return {
    intervalMs: environment.RECONCILE_INTERVAL_MS,
    toleranceCash: environment.RECONCILE_TOLERANCE_CASH,
    toleranceShares: environment.RECONCILE_TOLERANCE_SHARES,
  };
}

export function watchSettings(environment: WatchEnvironment): WatchSettings {
  const { MARKET_DATA_LOST_MS: lostMs } = environment;
  return {
    venueSilentMs: environment.VENUE_SILENT_MS,
    marketDataLostMs: lostMs === 0 ? undefined : lostMs,
    maxTotalDailyLoss: environment.AUTO_KILL_SWITCH_MAX_TOTAL_DAILY_LOSS,
  };
}
