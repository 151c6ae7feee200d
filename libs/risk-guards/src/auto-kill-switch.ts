import { type AutoKillSwitchSettings, Settings } from '@interlock/config';
import { KillSwitchToggle, type Mode, type Scope } from '@interlock/kill-switch';
import { faultPoint } from '@interlock/observability';
import { OpsEvents } from '@interlock/ops-events';
import { type Transaction, Transactions } from '@interlock/persistence';
import { Injectable, Logger } from '@nestjs/common';
import { AutoKillSwitchRows, type NewTrip, type RunEndReading } from './auto-kill-switch.repository.js';
import { scopeOf } from './risk-state.js';
import { parseDecimal } from './rules/decimal.js';
import {
  consecutiveFailures,
  latencyOfRun,
  lossOfTheDay,
  nextStreak,
  stillTrips,
  type Streak,
  type Trip,
  withSample,
} from './rules/run-end.js';

/** How a run ended. */
export interface ObservedRunEnd {
  readonly runId: string;
  readonly mode: Mode;
  readonly strategy: string;
  readonly pipeline: string;
  /** The run's final status. COMPLETED, FAILED and CANCELED are runs that ran; of others nothing is learned. */
  readonly status: string;
  /** How long the last attempt's pipeline ran, in milliseconds by a monotonic clock; absent when it never began. */
  readonly durationMs?: number;
  /** What the pipeline declares that a run may take; where longer, it stands in for the latency threshold. */
  readonly expectedDurationMs?: number;
}

/** Something else than a run's end that is to turn a switch on. */
export interface TripCause {
  /** What is broken, such as `reconciliation`. */
  readonly rule: string;
  /** Whose switch is to be turned on, to halt. */
  readonly scope: Scope;
  /** What the numbers are of, where that is something else, such as a mode for the global switch. */
  readonly about?: string;
  /** One plain sentence without a full stop. */
  readonly reason: string;
  readonly current: string;
  readonly limit: string;
  /** Trips once in all of these, such as a day; absent: once until the switch is released. */
  readonly once?: string;
  /** Further numbers, for the event. */
  readonly details?: Record<string, unknown>;
}

/** As it shows on the switch and in events. Turning a switch on takes no more than an operator. */
const ACTOR = { name: 'auto-kill-switch', role: 'operator' } as const;

/**
 * Turns kill switches on. The global one when runs go wrong: failures in a row (per mode), the day's losses (per mode), a run that
 * takes too long (per pipeline). Any other one when somebody finds a cause, such as a reconciliation.
 *
 * It works in two steps. The transaction that ends a run counts it and, when a rule is broken, stores a trip; a transaction of its
 * own then carries the trip out, since the one that ends the run may hold the switch's shared lock, which must not be upgraded
 * (safety.md, K2). A crash in between leaves the trip pending, for whoever looks next.
 *
 * A trip wants `halt`: it turns on a switch that is off, and raises one that only reduces, whoever has turned that on. Nothing trips
 * while the switch halts. A cause trips once: rule and scope together with the version at which the switch was turned off last, so
 * that the same rule can trip again only after a release; for losses, with the day. Otherwise whoever loosens a halt to `reduce`, to
 * sell what is held, would be halted again at once by what they know.
 */
@Injectable()
export class AutoKillSwitch {
  private readonly logger = new Logger('auto-kill-switch');
  private readonly limits: AutoKillSwitchSettings;

  constructor(
    settings: Settings,
    private readonly rows: AutoKillSwitchRows,
    private readonly transactions: Transactions,
    private readonly toggle: KillSwitchToggle,
    private readonly events: OpsEvents,
  ) {
    this.limits = settings.autoKillSwitch;
  }

  /**
   * Counts a run's end, inside the transaction that stores it and as its last step: the lock that makes counting exact over
   * replicas is held from here to the commit. Two round trips; none for runs that never ran.
   */
  async observeRunEnd(tx: Transaction, end: ObservedRunEnd): Promise<void> {
    if (!['COMPLETED', 'FAILED', 'CANCELED'].includes(end.status)) return;
    const reading = await this.rows.open(tx, end);
    const streak = streakAfter(end, reading);
    await this.rows.write(tx, {
      mode: end.mode,
      pipeline: end.pipeline,
      streak,
      // Only what went well tells how long the work takes: a run that fails at once would make the next one look slow.
      latency:
        end.status === 'COMPLETED' && end.durationMs !== undefined
          ? withSample(reading.latency, end.durationMs, this.limits.latencyEwmaAlpha)
          : undefined,
      trips: this.limits.enabled && !reading.killSwitch.halts ? this.judge(end, reading, streak) : [],
    });
  }

  /**
   * Stores a trip, as the last step of the caller's transaction; `carryOutTrips` after its commit turns the switch on.
   * @returns false when nothing trips: the switch halts, the cause has tripped before, or the automatic switch is disabled
   */
  async trip(tx: Transaction, cause: TripCause): Promise<boolean> {
    if (!this.limits.enabled) return false;
    const { rule, scope, about = scope, reason, current, limit, details } = cause;
    const killSwitch = await this.rows.lockSwitch(tx, scope);
    if (killSwitch.halts) return false;
    return this.rows.insertTrip(tx, {
      cause: `${rule} ${about} ${cause.once ?? `v${killSwitch.releasedVersion}`}`,
      scope,
      rule,
      reason,
      runId: null,
      switchVersion: killSwitch.version,
      details: { rule, scope: about, current, limit, ...details },
    });
  }

  /**
   * Carries out the trips that are pending: turns their switches to `halt` and records what triggered it, each exactly once. Call it
   * after the commit that ended a run, and now and then, for trips whose process has died.
   * @returns how many trips were carried out here
   */
  async carryOutTrips(): Promise<number> {
    // Looked for first: the lock below makes every admission wait.
    if (!this.limits.enabled) return 0;
    let carriedOut = 0;
    for (const scope of await this.transactions.run((tx) => this.rows.pendingScopes(tx))) {
      faultPoint('trip-before-toggle');
      carriedOut += await this.carryOutTripsOf(scope);
    }
    return carriedOut;
  }

  private carryOutTripsOf(scope: Scope): Promise<number> {
    return this.toggle.underLock(scope, async (tx, found) => {
      const trips = await this.rows.pending(tx, scope);
      let killSwitch = found;
      for (const trip of trips) {
        const changesSwitch = stillTrips(trip.switchVersion, killSwitch);
        if (changesSwitch) {
          const wish = { scope, enabled: true, level: 'halt', reason: trip.reason } as const;
          killSwitch = await this.toggle.change(tx, killSwitch, wish, ACTOR);
        }
        await this.events.record(tx, {
          event: 'auto_kill_switch_triggered',
          source: 'auto-kill-switch',
          ...(trip.runId === null ? {} : { runId: trip.runId }),
          reason: trip.reason,
          actor: ACTOR.name,
          details: { ...trip.details, cause: trip.cause, changedSwitch: changesSwitch },
        });
        await this.rows.markCarriedOut(tx, trip.id, changesSwitch);
      }
      return trips.length;
    });
  }

  private judge(end: ObservedRunEnd, reading: RunEndReading, streak: Streak | undefined): NewTrip[] {
    const { mode, pipeline, status, durationMs, expectedDurationMs } = end;
    const release = `v${reading.killSwitch.releasedVersion}`;
    const candidates: [trip: Trip | undefined, scope: string, once: string][] = [
      [
        streak === undefined || status !== 'FAILED' ? undefined : consecutiveFailures(streak.failures, this.limits),
        scopeOf(mode),
        release,
      ],
      [this.judgeLoss(mode, reading), scopeOf(mode), reading.day ?? ''],
      [
        durationMs === undefined || status === 'CANCELED'
          ? undefined
          : latencyOfRun(durationMs, expectedDurationMs, reading.latency, this.limits),
        `pipeline:${pipeline}`,
        release,
      ],
    ];
    return candidates.flatMap(([trip, scope, once]) =>
      trip === undefined ? [] : [newTrip(trip, scope, once, end, reading)],
    );
  }

  private judgeLoss(mode: Mode, { day, dailyLoss }: RunEndReading): Trip | undefined {
    if (day !== null && dailyLoss !== null && parseDecimal(dailyLoss) !== null) {
      return lossOfTheDay(dailyLoss, this.limits);
    }
    // The run must end all the same (R1). Nothing starts meanwhile: the guards read the same rows and block (G4).
    this.logger.error({ mode }, "today's losses cannot be read");
    return undefined;
  }
}

/** Undefined when the run says nothing about failures. */
function streakAfter({ status }: ObservedRunEnd, { streak, killSwitch }: RunEndReading): Streak | undefined {
  return status === 'CANCELED' ? undefined : nextStreak(streak, killSwitch, status === 'FAILED');
}

function newTrip(trip: Trip, scope: string, once: string, end: ObservedRunEnd, reading: RunEndReading): NewTrip {
  const { rule, reason, current, limit } = trip;
  return {
    cause: `${rule} ${scope} ${once}`,
    scope: 'global',
    rule,
    reason: `${reason}, ${scope}`,
    runId: end.runId,
    switchVersion: reading.killSwitch.version,
    details: { rule, scope, current, limit, mode: end.mode, strategy: end.strategy, pipeline: end.pipeline },
  };
}
