import { Settings } from '@interlock/config';
import type { Mode } from '@interlock/kill-switch';
import type { Transaction } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import { asRiskStateUnavailable, type ModeRow, readingOf, type RiskLimits, RiskState } from './risk-state.js';
import type { RateRule } from './rules/admission-rate.js';

/** What is to be admitted. Starts and orders are counted under a lock; claims only check. */
export type Purpose = 'start' | 'claim' | 'order';

/**
 * The guards' atomic admission: `open` locks and reads, the state judges the intents one after the other, `write` stores what was
 * counted, all in the caller's transaction (safety.md: G1, G2).
 */
@Injectable()
export class RiskGuards {
  readonly limits: RiskLimits;

  constructor(settings: Settings) {
    this.limits = {
      maxPosition: settings.maxPositionLimit,
      maxDailyLoss: settings.riskMaxDailyLoss,
      orderRate: settings.orderRateLimitPerMin,
      startRate: settings.runStartLimitPerMin,
    };
  }

  /**
   * Reads what guards compare with, in one round trip. Take the kill switches' locks before it.
   *
   * Only counting takes a lock, one per rule and mode: two admissions that both count must not read the same number. A start
   * that only reads the order rate or the losses of the day needs none, since it comes before or after each order and fill as a
   * whole; so starts wait for each other only where RUN_START_LIMIT_PER_MIN is set, and claims for nobody.
   * @throws RiskStateUnavailable when something cannot be read or is no number; a lost database stays a database error
   */
  async open(tx: Transaction, modes: readonly Mode[], purpose: Purpose): Promise<RiskState> {
    const counting = this.countedRule(purpose);
    const rows = await this.read(tx, modes, counting);
    return new RiskState(new Map(rows.map((row) => [row.mode, readingOf(row)])), this.limits, counting);
  }

  private countedRule(purpose: Purpose): RateRule | undefined {
    if (purpose === 'order') return 'orderRate';
    return purpose === 'start' && this.limits.startRate !== undefined ? 'startRate' : undefined;
  }

  private async read(tx: Transaction, modes: readonly Mode[], counting: RateRule | undefined): Promise<ModeRow[]> {
    try {
      return await tx.query<ModeRow[]>('SELECT * FROM open_risk_state($1::text[], $2)', [modes, counting ?? null]);
    } catch (error) {
      throw asRiskStateUnavailable(error);
    }
  }
}
