import type { Mode } from '@interlock/kill-switch';
import { isDatabaseUnavailable, isReplayable, type Transaction } from '@interlock/persistence';
import { admissionRate } from './rules/admission-rate.js';
import { dailyLoss } from './rules/daily-loss.js';
import { compare, type Decimal, parseDecimal } from './rules/decimal.js';
import { maximumPosition } from './rules/maximum-position.js';
import type { GuardRefusal } from './rules/refusal.js';

/**
 * What the guards allow a mode's runs. Money is decimal text in units of collateral; rates are per 60 seconds. Undefined: not limited.
 */
export interface RiskLimits {
  readonly maxPosition: string | number | undefined;
  readonly maxDailyLoss: string | undefined;
  readonly orderRate: number | undefined;
  readonly startRate: number | undefined;
}

/** What the guards compare with, of one mode. */
export interface ModeReading {
  /** Today's losses, as decimal text. */
  readonly dailyLoss: string;
  /** Admitted in the last 60 seconds. */
  readonly orders: number;
  readonly starts: number;
  /** The tightest of the limits that stand over the whole mode. */
  readonly limits: RiskLimits;
}

/** A row of the function `open_risk_state`; null is what could not be read. */
export interface ModeRow {
  mode: Mode;
  daily_loss: string | null;
  orders_in_last_minute: string | null;
  starts_in_last_minute: string | null;
  limits: [rule: string, scope: string, value: string][] | null;
}

/** What the guards need to know of a start. */
interface StartToJudge {
  readonly mode: Mode;
  readonly maxPosition: string | number;
}

/** A counter or limit that a guard needs cannot be read or is no number, so nothing is admitted (safety.md, G4). */
export class RiskStateUnavailable extends Error {
  constructor(what: string, cause?: unknown) {
    super(`the state of the risk guards cannot be read: ${what}`, { cause });
    this.name = 'RiskStateUnavailable';
  }
}

/**
 * The guards over one batch of starts: what was read once under the lock, evolving with what is admitted (safety.md, G1). Judging
 * is plain computation; `write` stores what was counted. Orders have guards of their own, `OrderGuards`.
 */
export class RiskState {
  private readonly admitted = new Map<Mode, number>();

  /** @param countsStarts whether starts are counted here, and held to their rate; the lock for it is held */
  constructor(
    private readonly readings: ReadonlyMap<Mode, ModeReading>,
    private readonly countsStarts: boolean,
  ) {}

  /** Judges a run at its start, and counts the start when it is admitted; judges it alike at its claim, without counting. */
  judgeStart(start: StartToJudge): GuardRefusal | undefined {
    const refusal = this.wouldRefuseStart(start);
    if (refusal === undefined && this.countsStarts) this.admitted.set(start.mode, this.admittedIn(start.mode) + 1);
    return refusal;
  }

  /** As `judgeStart`, of a start that is not to be admitted anyhow. */
  wouldRefuseStart({ mode, maxPosition }: StartToJudge): GuardRefusal | undefined {
    const { dailyLoss: lost, orders, starts, limits } = this.reading(mode);
    const scope = scopeOf(mode);
    return (
      (limits.maxPosition === undefined ? undefined : maximumPosition(maxPosition, limits.maxPosition, scope)) ??
      (limits.maxDailyLoss === undefined ? undefined : dailyLoss(lost, limits.maxDailyLoss, scope)) ??
      (limits.orderRate === undefined ? undefined : admissionRate('orderRate', orders, limits.orderRate, scope)) ??
      (limits.startRate === undefined || !this.countsStarts
        ? undefined
        : admissionRate('startRate', starts + this.admittedIn(mode), limits.startRate, scope))
    );
  }

  /**
   * Stores what was counted, in one statement; part of the transaction that holds the lock.
   * @throws RiskStateUnavailable when it cannot be counted; a lost database stays a database error
   */
  async write(tx: Transaction): Promise<void> {
    const counted = [...this.admitted].map(([mode, added]) => ({ scope: scopeOf(mode), added }));
    if (counted.length === 0) return;
    try {
      await tx.query(
        `SELECT count_admissions('startRate', scope, added)
         FROM jsonb_to_recordset($1::jsonb) AS counted(scope text, added integer)`,
        [JSON.stringify(counted)],
      );
    } catch (error) {
      throw asRiskStateUnavailable(error);
    }
    this.admitted.clear();
  }

  reading(mode: Mode): ModeReading {
    const reading = this.readings.get(mode);
    if (reading === undefined) throw new RiskStateUnavailable(`${scopeOf(mode)} was not read`);
    return reading;
  }

  private admittedIn(mode: Mode): number {
    return this.admitted.get(mode) ?? 0;
  }
}

/** What to throw for an error of the guards' own statements. A lost database stays what it is, and so does what is replayed. */
export function asRiskStateUnavailable(error: unknown): unknown {
  if (isDatabaseUnavailable(error) || isReplayable(error)) return error;
  return new RiskStateUnavailable(error instanceof Error ? error.message : String(error), error);
}

/** Totals are counted per mode (safety.md, G0). */
export function scopeOf(mode: Mode): `mode:${Mode}` {
  return `mode:${mode}`;
}

/**
 * @param startRate from the settings: it is no limit that people change while the program runs
 * @throws RiskStateUnavailable when a value is missing or no number
 */
export function readingOf(row: ModeRow, startRate: number | undefined): ModeReading {
  const loss = row.daily_loss === null ? null : parseDecimal(row.daily_loss);
  if (loss === null || row.daily_loss === null)
    throw new RiskStateUnavailable(`today's losses in ${scopeOf(row.mode)}`);
  return {
    dailyLoss: row.daily_loss,
    orders: countOf(row.orders_in_last_minute, `the order rate in ${scopeOf(row.mode)}`),
    starts: countOf(row.starts_in_last_minute, `the start rate in ${scopeOf(row.mode)}`),
    limits: { ...limitsOver(row), startRate },
  };
}

function countOf(text: string | null, what: string): number {
  if (text === null || !/^\d{1,15}$/.test(text)) throw new RiskStateUnavailable(what);
  return Number(text);
}

/** The tightest of each rule's limits over the whole mode. */
function limitsOver({ mode, limits }: ModeRow): Omit<RiskLimits, 'startRate'> {
  if (limits === null) throw new RiskStateUnavailable('the limits');
  const tightest = (rule: string): string | undefined => {
    const values = limits.filter(([name, scope]) => name === rule && (scope === 'global' || scope === scopeOf(mode)));
    return values.map(([, , value]) => value).toSorted((a, b) => compare(numberIn(a), numberIn(b)))[0];
  };
  const orderRate = tightest('orderRate');
  return {
    maxPosition: tightest('position'),
    maxDailyLoss: tightest('dailyLoss'),
    orderRate: orderRate === undefined ? undefined : Number(orderRate),
  };
}

function numberIn(text: string): Decimal {
  const value = parseDecimal(text);
  if (value === null) throw new RiskStateUnavailable('a limit');
  return value;
}
