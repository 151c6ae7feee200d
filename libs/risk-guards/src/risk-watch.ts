import { type AutoKillSwitchSettings, Settings, type WatchSettings } from '@interlock/config';
import { type Transaction, Transactions } from '@interlock/persistence';
import { Injectable, Logger } from '@nestjs/common';
import { AutoKillSwitch, type TripCause } from './auto-kill-switch.js';
import { type LossReading, type LostQuotes, RiskWatchRows, type SilentVenue } from './risk-watch.repository.js';
import { scopeOf } from './risk-state.js';
import { compare, decimal, formatDecimal } from './rules/decimal.js';
import { lossOfTheDay } from './rules/run-end.js';

/** How long losses at the bid must last: one bad tick trips nothing. */
const LOSS_HOLDS_MS = 1_000;

/** Something that trips a switch once it has been so for long enough. */
interface Finding {
  /** What is seen, of whom. */
  readonly sign: string;
  readonly tripsAfterMs: number;
  /** @param heldMs for how long it has been seen */
  readonly cause: (heldMs: number) => TripCause;
}

/**
 * Watches what can go wrong while orders work and nobody asks: venues that fall silent, quotes that do not come any more, losses
 * that bookings bring, and those of open positions at the bid. Each trips the automatic kill switch once it has lasted.
 */
@Injectable()
export class RiskWatch {
  private readonly logger = new Logger('risk-watch');
  private readonly limits: AutoKillSwitchSettings;
  private readonly watch: WatchSettings;
  /** Modes of which it was said that their losses cannot be told. */
  private untold: string[] = [];

  constructor(
    settings: Settings,
    private readonly rows: RiskWatchRows,
    private readonly transactions: Transactions,
    private readonly autoKillSwitch: AutoKillSwitch,
  ) {
    this.limits = settings.autoKillSwitch;
    this.watch = settings.watch;
  }

  /**
   * Looks once; to be called every second by every worker. Does nothing while another one is looking. What a drawdown is measured from is
   * kept also while the automatic switch is disabled, and while none is limited: a limit may be set at any time of the day.
   * @returns how many causes tripped
   */
  async look(): Promise<number> {
    const tripped = await this.transactions.run(async (tx) => {
      if (!(await this.rows.isTheOne(tx))) return 0;
      await this.rows.keepHighs(tx);
      if (!this.limits.enabled) return 0;
      const findings = await this.find(tx);
      const held = await this.rows.keepSigns(
        tx,
        findings.map(({ sign }) => sign),
      );
      let trips = 0;
      for (const { sign, tripsAfterMs, cause } of findings) {
        const heldMs = held.get(sign) ?? 0;
        if (heldMs >= tripsAfterMs && (await this.autoKillSwitch.trip(tx, cause(heldMs)))) trips++;
      }
      return trips;
    });
    if (tripped > 0) await this.autoKillSwitch.carryOutTrips();
    return tripped;
  }

  private async find(tx: Transaction): Promise<Finding[]> {
    const { marketDataLostMs } = this.watch;
    const silent = await this.rows.silentVenues(tx);
    const lost = marketDataLostMs === undefined ? [] : await this.rows.lostQuotes(tx, marketDataLostMs);
    const losses = await this.rows.losses(tx);
    this.tellUntold(losses);
    return [
      ...silent.map((venue) => venueHeartbeat(venue, this.watch.venueSilentMs)),
      ...lost.map((quotes) => marketData(quotes, marketDataLostMs ?? 0)),
      ...losses.flatMap((reading) => this.dailyLoss(reading)),
      ...losses.flatMap((reading) => this.totalDailyLoss(reading)),
    ];
  }

  /** The same cause as at a run's end: whichever comes first. */
  private dailyLoss({ mode, day, realized }: LossReading): Finding[] {
    const trip = day === null ? undefined : lossOfTheDay(realized, this.limits);
    if (trip === undefined || day === null) return [];
    const about = scopeOf(mode);
    const reason = `${trip.reason}, ${about}`;
    const cause: TripCause = { ...trip, reason, scope: 'global', about, once: day, details: { mode } };
    return [{ sign: `dailyLoss ${about} ${day}`, tripsAfterMs: 0, cause: () => cause }];
  }

  private totalDailyLoss({ mode, day, realized, total, limit }: LossReading): Finding[] {
    const allowed = tightest(limit, this.watch.maxTotalDailyLoss);
    if (day === null || total === null || allowed === undefined) return [];
    if (decimal(total).units === 0n || compare(decimal(total), decimal(allowed)) < 0) return [];
    const scope = scopeOf(mode);
    const numbers = { current: formatDecimal(decimal(total)), limit: formatDecimal(decimal(allowed)) };
    const cause: TripCause = {
      rule: 'totalDailyLoss',
      scope,
      ...numbers,
      reason: `today's losses with open positions at the bid are ${numbers.current} (limit ${numbers.limit}), ${scope}`,
      once: day,
      details: { mode, realized: formatDecimal(decimal(realized)) },
    };
    return [{ sign: `totalDailyLoss ${scope} ${day}`, tripsAfterMs: LOSS_HOLDS_MS, cause: () => cause }];
  }

  /** Once, and again when it has changed: this is looked at every second. */
  private tellUntold(losses: readonly LossReading[]): void {
    const untold = losses.filter(
      ({ total, limit }) => total === null && tightest(limit, this.watch.maxTotalDailyLoss) !== undefined,
    );
    const modes = untold.map(({ mode }) => mode);
    if (modes.join() === this.untold.join()) return;
    this.untold = modes;
    if (modes.length > 0)
      this.logger.error({ modes }, 'open positions without a quote: their losses at the bid cannot be told');
  }
}

function venueHeartbeat({ venue, message, orders, positions }: SilentVenue, limitMs: number): Finding {
  return {
    sign: `venueHeartbeat ${venue}`,
    tripsAfterMs: limitMs,
    cause: (heldMs) => ({
      rule: 'venueHeartbeat',
      scope: `venue:${venue}`,
      current: String(Math.round(heldMs)),
      limit: String(limitMs),
      reason:
        `${venue} has been out of reach for ${Math.round(heldMs / 1_000)} s (limit ${limitMs} ms)` +
        ` with ${orders} working orders and ${positions} positions`,
      details: { venue, message, orders, positions },
    }),
  };
}

function marketData({ venue, quotes, oldest, ageMs }: LostQuotes, limitMs: number): Finding {
  return {
    sign: `marketData ${venue}`,
    tripsAfterMs: 0,
    cause: () => ({
      rule: 'marketData',
      scope: `venue:${venue}`,
      current: String(ageMs),
      limit: String(limitMs),
      reason: `${venue} sends no quotes: ${oldest} is ${Math.round(ageMs / 1_000)} s old (limit ${limitMs} ms)`,
      details: { venue, quotes, oldest },
    }),
  };
}

function tightest(a: string | null, b: string | undefined): string | undefined {
  if (a === null || b === undefined) return a ?? b;
  return compare(decimal(a), decimal(b)) < 0 ? a : b;
}
