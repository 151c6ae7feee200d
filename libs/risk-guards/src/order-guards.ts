import { keyOf, type OrderReading } from './order-reading.js';
import { OrderTotals } from './order-totals.js';
import { RiskStateUnavailable } from './risk-state.js';
import { cash, holding, selfMatch } from './rules/account.js';
import { compare, type Decimal, decimal, formatDecimal } from './rules/decimal.js';
import { kindOf, type Limit, toldScope } from './rules/limits.js';
import {
  marketCloses,
  marketDataAge,
  marketStatus,
  minimumSize,
  priceCollar,
  type Quote,
  tick,
} from './rules/market-data.js';
import type { OrderIntent } from './rules/order-intent.js';
import { orderQuantity, orderValue } from './rules/order-size.js';
import type { GuardRefusal, LimitRule } from './rules/refusal.js';
import { total } from './rules/totals.js';

/** Totals against which an order is judged, in this order. */
const TOTALS = [
  'orderRate',
  'messageRate',
  'openOrders',
  'dailyLoss',
  'totalDailyLoss',
  'drawdown',
  'losingStreak',
  'position',
  'exposure',
] as const;

/** Losses never keep anybody from leaving a position. */
const LOSS_RULES: ReadonlySet<LimitRule> = new Set(['dailyLoss', 'totalDailyLoss', 'drawdown', 'losingStreak']);

/** A total that an admitted order has brought to 80 % of its limit, or beyond. */
export interface NearLimit {
  readonly rule: LimitRule;
  readonly scope: string;
  readonly current: string;
  readonly limit: string;
}

/**
 * The guards over one batch of orders: what was read once under the locks, evolving with what is admitted (safety.md, G1). Judging
 * is plain computation.
 */
export class OrderGuards {
  private readonly totals: OrderTotals;
  private readonly near = new Map<string, NearLimit>();

  /** @param requiredInLive rules without which no live order is admitted */
  constructor(
    private readonly reading: OrderReading,
    private readonly requiredInLive: readonly LimitRule[],
  ) {
    this.totals = new OrderTotals(reading);
  }

  /** Limits that came within 20 % of being reached by what was admitted. */
  get nearLimits(): readonly NearLimit[] {
    return [...this.near.values()];
  }

  /** Today's results so far where a drawdown is limited, to be kept where they are the highest. */
  highs(): { mode: string; day: string; strategy: string; high: Decimal }[] {
    const { day, limits, rates } = this.reading;
    const scopes = limits.all('drawdown').map(({ scope }) => scope);
    if (scopes.length === 0) return [];
    const strategies = scopes.flatMap((scope) =>
      kindOf(scope) === 'strategy' ? [scope.slice('strategy:'.length)] : [],
    );
    return [...rates.keys()].flatMap((mode) =>
      ['', ...strategies].map((strategy) => {
        const high = this.totals.equity(mode, strategy === '' ? undefined : strategy);
        return { mode, day, strategy, high };
      }),
    );
  }

  /** What is known of the intent's market and outcome; undefined where the venue has no such. */
  quoteOf({ venue, market, outcome }: Pick<OrderIntent, 'venue' | 'market' | 'outcome'>): Quote | undefined {
    return this.reading.quotes.get(keyOf(venue, market, outcome));
  }

  /**
   * Judges an intent, and counts it when nothing forbids it. First the limits, then what the market and the books say.
   * @param number the intent's place in the batch that was read
   * @throws RiskStateUnavailable when the venue takes no orders now, or something that a rule needs is not known
   */
  judge(intent: OrderIntent, number: number): GuardRefusal | undefined {
    this.checkVenue(intent);
    const quote = this.quoteOf(intent);
    if (quote === undefined) throw new RiskStateUnavailable(`the market ${intent.market}`);
    const refusal =
      this.missingLimit(intent) ??
      this.judgeTotals(intent) ??
      first(this.limits('orderQuantity', intent), (limit) => orderQuantity(intent, limit)) ??
      first(this.limits('orderValue', intent), (limit) => orderValue(intent, limit)) ??
      this.judgeMarket(intent, quote) ??
      this.judgeRepetition(intent, number) ??
      selfMatch(intent, this.totals.own(intent)) ??
      holding(intent, this.totals.holding(intent)) ??
      cash(intent, this.totals.freeCash(intent));
    if (refusal === undefined) this.admit(intent);
    return refusal;
  }

  private checkVenue({ venue, account }: OrderIntent): void {
    const known = this.reading.venues.get(keyOf(venue, account));
    if (known === undefined || !known.reconciled) {
      throw new RiskStateUnavailable(`the venue ${venue} was not reconciled yet`);
    }
    if (known.state === 'UNREACHABLE' || known.state === 'RESTARTING') {
      throw new RiskStateUnavailable(`the venue ${venue} is ${known.state.toLowerCase()}`);
    }
  }

  private missingLimit(intent: OrderIntent): GuardRefusal | undefined {
    if (intent.mode !== 'live') return undefined;
    const rule = this.requiredInLive.find((required) => this.limits(required, intent).length === 0);
    if (rule === undefined) return undefined;
    const details = { rule, scope: `mode:${intent.mode}`, current: 'not set', limit: 'a limit' };
    return {
      code: 'LIMIT_NOT_CONFIGURED',
      message: `live orders need a limit of the rule ${rule}, and none is set`,
      details,
    };
  }

  private judgeTotals(intent: OrderIntent): GuardRefusal | undefined {
    for (const rule of TOTALS) {
      if (LOSS_RULES.has(rule) && intent.reduceOnly && intent.side === 'SELL') continue;
      const refusal = first(this.limits(rule, intent), (limit) => {
        const current = this.totals.before(rule, intent, limit);
        return current === undefined ? undefined : total(rule, current, limit, intent.mode);
      });
      if (refusal !== undefined) return refusal;
    }
    return this.judgeRunCap(intent);
  }

  /** A run's `maxPosition` caps its strategy while it is running; of several the tightest. */
  private judgeRunCap(intent: OrderIntent): GuardRefusal | undefined {
    const cap = this.reading.runCaps.get(keyOf(intent.mode, intent.strategy));
    if (cap === undefined) return undefined;
    const limit = { rule: 'exposure', scope: `strategy:${intent.strategy}`, limit: cap } as const;
    const current = this.totals.before('exposure', intent, limit);
    return current === undefined ? undefined : total('exposure', current, limit, intent.mode);
  }

  private judgeMarket(intent: OrderIntent, quote: Quote): GuardRefusal | undefined {
    return (
      marketStatus(intent, quote) ??
      this.venueTakesOrders(intent) ??
      first(this.limits('marketCloses', intent), (limit) => marketCloses(intent, quote, limit)) ??
      first(this.limits('marketDataAge', intent), (limit) => marketDataAge(intent, quote, limit)) ??
      tick(intent, quote) ??
      minimumSize(intent, quote) ??
      first(this.limits('priceCollar', intent), (limit) => priceCollar(intent, quote, limit))
    );
  }

  private venueTakesOrders({ venue, account }: OrderIntent): GuardRefusal | undefined {
    const state = this.reading.venues.get(keyOf(venue, account))?.state;
    if (state !== 'CANCEL_ONLY' && state !== 'PAUSED') return undefined;
    const message = `the venue ${venue} takes no orders now (${state.toLowerCase().replace('_', ' ')})`;
    const details = { rule: 'venueStatus', scope: `venue:${venue}`, current: state, limit: 'OPEN' } as const;
    return { code: 'MARKET_CLOSED', message, details };
  }

  private judgeRepetition(intent: OrderIntent, number: number): GuardRefusal | undefined {
    const limits = this.limits('duplicate', intent);
    const ago = limits.length === 0 ? undefined : this.totals.sinceAlike(intent, number);
    if (ago === undefined) return undefined;
    return first(limits, ({ limit, scope }) => {
      const current = decimal(String(Math.max(Math.floor(ago), 0)));
      if (compare(current, limit) > 0) return undefined;
      const numbers = { current: formatDecimal(current), limit: formatDecimal(limit) };
      const message = `the same order was admitted ${numbers.current} ms ago, within the ${numbers.limit} ms in which it counts as a repetition`;
      const details = { rule: 'duplicate', scope: toldScope(scope, intent.mode), ...numbers } as const;
      return { code: 'DUPLICATE_ORDER', message, details };
    });
  }

  private admit(intent: OrderIntent): void {
    this.totals.add(intent);
    for (const rule of TOTALS) {
      for (const limit of this.limits(rule, intent)) {
        const current = this.totals.now(rule, intent, limit);
        if (current !== undefined) this.noteNear(rule, limit, current, intent.mode);
      }
    }
  }

  private noteNear(rule: LimitRule, { limit, scope }: Limit, current: Decimal, mode: string): void {
    const fiveTimes = { units: current.units * 5n, scale: current.scale };
    const fourTimes = { units: limit.units * 4n, scale: limit.scale };
    if (limit.units === 0n || compare(fiveTimes, fourTimes) < 0) return;
    const told = toldScope(scope, mode);
    const numbers = { current: formatDecimal(current), limit: formatDecimal(limit) };
    this.near.set(keyOf(rule, told), { rule, scope: told, ...numbers });
  }

  private limits(rule: LimitRule, intent: OrderIntent): Limit[] {
    return this.reading.limits.of(rule, intent);
  }
}

function first<T, R>(items: readonly T[], judge: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const result = judge(item);
    if (result !== undefined) return result;
  }
  return undefined;
}
