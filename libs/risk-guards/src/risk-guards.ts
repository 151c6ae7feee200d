import { Settings } from '@interlock/config';
import { type KillSwitch, type KillSwitchRow, killSwitchOf, type Mode, type Scope } from '@interlock/kill-switch';
import { type Answering, READ_ONLY, refuseReadOnly, type Transaction } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import { asRiskStateUnavailable, type ModeRow, readingOf, RiskState, RiskStateUnavailable } from './risk-state.js';

/** What starts are judged for. At their start they are counted, under a lock; their claim only checks. */
export type Purpose = 'start' | 'claim';

/** What an admission is judged by. */
export interface OpenedAdmission {
  /** Those of the scopes' switches that are on; no toggle can change them until the transaction ends (safety.md, K2). */
  readonly enabled: KillSwitch[];
  readonly risk: RiskState;
}

/** An opened admission as the database's functions give it. */
export interface AdmissionRecord {
  switches: KillSwitchRow[];
  risk: ModeRow[];
}

/**
 * The atomic admission of starts: `open` locks and reads, the state judges them one after the other, `write` stores what was
 * counted, all in the caller's transaction (safety.md: G1, G2). That of orders is `OrderAdmissions`.
 */
@Injectable()
export class RiskGuards {
  /** Undefined: starts are not limited. */
  readonly startRate: number | undefined;

  constructor(settings: Settings) {
    this.startRate = settings.runStartLimitPerMin;
  }

  /**
   * Locks the scopes' kill switches, so that no toggle passes until the transaction ends, then reads them and what `open` reads: all
   * in one round trip.
   * @throws RiskStateUnavailable as `open`, also when the switches cannot be read (safety.md, K5); TakesNoWrites on a standby
   */
  async openAdmission(
    tx: Transaction,
    scopes: readonly Scope[],
    modes: readonly Mode[],
    purpose: Purpose,
  ): Promise<OpenedAdmission> {
    const rows = await guarded(
      tx.query<(Answering & { opened: AdmissionRecord })[]>(
        `SELECT open_admission($1::text[], $2::text[], $3) AS opened, ${READ_ONLY}`,
        [scopes, modes, this.countsStarts(purpose) ? 'startRate' : null],
      ),
    );
    refuseReadOnly(rows);
    return this.admissionOf(rows[0]?.opened, purpose);
  }

  /**
   * What the functions `open_admission` and `open_claims` have read.
   * @throws RiskStateUnavailable when something is missing or is no number
   */
  admissionOf(record: AdmissionRecord | undefined, purpose: Purpose): OpenedAdmission {
    if (record === undefined) throw new RiskStateUnavailable('nothing was read');
    const readings = new Map(record.risk.map((row) => [row.mode, readingOf(row, this.startRate)]));
    return {
      enabled: record.switches.map(killSwitchOf),
      risk: new RiskState(readings, this.countsStarts(purpose)),
    };
  }

  /**
   * Reads what guards compare with, in one round trip. Take the kill switches' locks before it.
   *
   * Only counting takes a lock, one per mode: two admissions that both count must not read the same number. A start
   * that only reads the order rate or the losses of the day needs none, since it comes before or after each order and fill as a
   * whole; so starts wait for each other only where RUN_START_LIMIT_PER_MIN is set, and claims for nobody.
   * @throws RiskStateUnavailable when something cannot be read or is no number; a lost database stays a database error
   */
  async open(tx: Transaction, modes: readonly Mode[], purpose: Purpose): Promise<RiskState> {
    const countsStarts = this.countsStarts(purpose);
    const counted = countsStarts ? 'startRate' : null;
    const rows = await guarded(tx.query<ModeRow[]>('SELECT * FROM open_risk_state($1::text[], $2)', [modes, counted]));
    return new RiskState(new Map(rows.map((row) => [row.mode, readingOf(row, this.startRate)])), countsStarts);
  }

  private countsStarts(purpose: Purpose): boolean {
    return purpose === 'start' && this.startRate !== undefined;
  }
}

/** The rows, or what to throw for the guards' own statements. */
export async function guarded<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    throw asRiskStateUnavailable(error);
  }
}
