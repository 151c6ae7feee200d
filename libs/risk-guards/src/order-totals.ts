import { keyOf, type OrderReading } from './order-reading.js';
import { RiskStateUnavailable } from './risk-state.js';
import type { Holding, OwnOrders } from './rules/account.js';
import { add, compare, type Decimal, decimal, subtract } from './rules/decimal.js';
import { kindOf, type Limit } from './rules/limits.js';
import { cashNeeded, type OrderIntent, valueOf } from './rules/order-intent.js';
import type { LimitRule } from './rules/refusal.js';

const ZERO = decimal('0');

/** What a batch has admitted within one mode, venue, market or strategy. */
interface Added {
  orders: number;
  /** Of purchases, in units of collateral. */
  value: Decimal;
}

/** What an order's totals are kept under. Made once for each order, which is compared with some thirty of them. */
interface Keys {
  readonly mode: string;
  readonly venue: string;
  readonly market: string;
  readonly strategy: string;
  /** Of its venue, account, market and outcome. */
  readonly outcome: string;
  /** Of its venue and account. */
  readonly account: string;
}

const NOTHING_ADDED: Readonly<Added> = { orders: 0, value: ZERO };
const NOTHING_OPEN = { unrealized: ZERO, losses: ZERO };

/**
 * What was read, with what the batch has admitted since. Sums are kept, so that an order costs the same at the beginning of a batch and at
 * its end, and with few strategies and many.
 */
export class OrderTotals {
  private readonly added = new Map<string, Added>();
  private readonly admittedByOutcome = new Map<string, OrderIntent[]>();
  private readonly cashTaken = new Map<string, Decimal>();
  private current: { intent: OrderIntent; keys: Keys } | undefined;

  constructor(private readonly reading: OrderReading) {}

  /**
   * The total that a limit is compared with when this order is judged: where exactly the limit is allowed, as it would be with the
   * order; else as it is without it. Undefined where the order adds nothing to a total that it may therefore not be refused by.
   */
  before(rule: LimitRule, intent: OrderIntent, limit: Limit): Decimal | undefined {
    if (rule !== 'position' && rule !== 'exposure') return this.now(rule, intent, limit);
    if (intent.side === 'SELL') return undefined;
    const now = this.now(rule, intent, limit);
    return now === undefined ? undefined : add(now, valueOf(intent));
  }

  add(intent: OrderIntent): void {
    const value = intent.side === 'BUY' ? valueOf(intent) : ZERO;
    const { mode, venue, market, strategy, outcome, account } = this.keysOf(intent);
    for (const key of [mode, venue, market, strategy]) {
      const before = this.added.get(key) ?? NOTHING_ADDED;
      this.added.set(key, { orders: before.orders + 1, value: add(before.value, value) });
    }
    const ofOutcome = this.admittedByOutcome.get(outcome);
    if (ofOutcome === undefined) this.admittedByOutcome.set(outcome, [intent]);
    else ofOutcome.push(intent);
    this.cashTaken.set(account, add(this.cashTaken.get(account) ?? ZERO, cashNeeded(intent)));
  }

  own(intent: OrderIntent): OwnOrders {
    const { outcome } = this.keysOf(intent);
    let highestBuy: OwnOrders['highestBuy'] = this.reading.own.get(keyOf(outcome, 'BUY')) ?? null;
    let lowestSell: OwnOrders['lowestSell'] = this.reading.own.get(keyOf(outcome, 'SELL')) ?? null;
    for (const { side, price } of this.admittedBeside(intent)) {
      if (side === 'BUY') highestBuy = furthest(highestBuy, price, (a, b) => compare(a, b) > 0);
      else lowestSell = furthest(lowestSell, price, (a, b) => compare(a, b) < 0);
    }
    return { highestBuy, lowestSell };
  }

  holding(intent: OrderIntent): Holding {
    const { strategy, venue, account, market, outcome } = intent;
    const known = this.reading.holdings.get(keyOf(strategy, venue, account, market, outcome));
    const promised = this.admittedBeside(intent)
      .filter((one) => one.side === 'SELL' && one.strategy === strategy)
      .reduce((sum, { quantity }) => add(sum, quantity), known?.promised ?? ZERO);
    return { held: known?.held ?? ZERO, promised };
  }

  freeCash(intent: OrderIntent): Decimal {
    const { account } = this.keysOf(intent);
    return subtract(this.reading.freeCash.get(account) ?? ZERO, this.cashTaken.get(account) ?? ZERO);
  }

  /** Milliseconds since the same order was admitted, or undefined when it was not. */
  sinceAlike(intent: OrderIntent, number: number): number | undefined {
    const isRepetition = this.admittedBeside(intent).some((one) => alike(one, intent));
    return isRepetition ? 0 : this.reading.alike.get(number);
  }

  /** The total as it is, or undefined for rules that look at each order alone. */
  now(rule: LimitRule, intent: OrderIntent, { scope }: Limit): Decimal | undefined {
    const { mode } = intent;
    const keys = this.keysOf(intent);
    const kind = kindOf(scope);
    const of = kind === 'strategy' ? keys.strategy : keys.mode;
    switch (rule) {
      case 'orderRate':
        return kind === 'global' || kind === 'mode'
          ? whole(this.rate(mode) + this.addedIn(of).orders)
          : this.narrow('orderRate', kind, scope, intent);
      case 'messageRate': {
        const cancels = this.counted('cancels', kind, kind === 'strategy' ? intent.strategy : '', mode);
        const orders =
          kind === 'strategy' ? this.counted('orderRate', kind, intent.strategy, mode) : whole(this.rate(mode));
        return add(add(orders, cancels), whole(this.addedIn(of).orders));
      }
      case 'openOrders':
        if (kind === 'venue' || kind === 'market') return this.narrow('openOrders', kind, scope, intent);
        return whole((this.reading.exposures.get(of)?.orders ?? 0) + this.addedIn(of).orders);
      case 'position':
        if (kind === 'venue' || kind === 'market') {
          const kept = this.counted('position', kind, scope.slice(kind.length + 1), mode);
          return add(kept, this.addedIn(keys[kind]).value);
        }
        return this.exposure(of);
      case 'exposure':
        return this.exposure(keys.strategy);
      case 'dailyLoss':
        return this.lost(of);
      case 'totalDailyLoss':
        return subtract(this.lost(of), this.mark(of).losses);
      case 'drawdown': {
        const high = this.reading.highs.get(of) ?? ZERO;
        const fallen = subtract(high, this.equityIn(of));
        return fallen.units < 0n ? ZERO : fallen;
      }
      case 'losingStreak':
        return whole(this.reading.streaks.get(keys.strategy) ?? 0);
      case 'orderQuantity':
      case 'orderValue':
      case 'priceCollar':
      case 'marketDataAge':
      case 'marketCloses':
      case 'duplicate':
        return undefined;
    }
  }

  /** Today's result in the mode or strategy, with open positions at the bid; what the day's high is the highest of. */
  equity(mode: string, strategy: string | undefined): Decimal {
    return this.equityIn(keyOf(mode, strategy ?? ''));
  }

  private equityIn(of: string): Decimal {
    return add(this.reading.results.get(of)?.net ?? ZERO, this.mark(of).unrealized);
  }

  private lost(of: string): Decimal {
    return this.reading.results.get(of)?.loss ?? ZERO;
  }

  private rate(mode: string): number {
    const rate = this.reading.rates.get(mode);
    if (rate === undefined) throw new RiskStateUnavailable(`the order rate in mode:${mode}`);
    return rate;
  }

  private exposure(of: string): Decimal {
    return add(this.reading.exposures.get(of)?.value ?? ZERO, this.addedIn(of).value);
  }

  private narrow(
    rule: 'orderRate' | 'openOrders',
    kind: 'venue' | 'market' | 'strategy',
    scope: string,
    intent: OrderIntent,
  ): Decimal {
    const kept = this.counted(rule, kind, scope.slice(kind.length + 1), intent.mode);
    return add(kept, whole(this.addedIn(this.keysOf(intent)[kind]).orders));
  }

  private counted(rule: string, kind: string, name: string, mode: string): Decimal {
    const value = this.reading.counts.get(keyOf(rule, kind, name, mode));
    // A limit that was set between the reading of limits and the lock: the next order finds its total.
    if (value === undefined) throw new RiskStateUnavailable(`${rule} in ${kind}:${name}`);
    return value;
  }

  private mark(of: string): { unrealized: Decimal; losses: Decimal } {
    const mark = this.reading.marks.get(of);
    if (mark?.isUnknown === true) throw new RiskStateUnavailable('what open positions are worth');
    return mark ?? NOTHING_OPEN;
  }

  private addedIn(key: string): Readonly<Added> {
    return this.added.get(key) ?? NOTHING_ADDED;
  }

  /** Orders of the batch in the intent's outcome, from the same account. */
  private admittedBeside(intent: OrderIntent): readonly OrderIntent[] {
    return this.admittedByOutcome.get(this.keysOf(intent).outcome) ?? [];
  }

  private keysOf(intent: OrderIntent): Keys {
    if (this.current?.intent !== intent) this.current = { intent, keys: makeKeys(intent) };
    return this.current.keys;
  }
}

/** A mode's key is that of a strategy without a name, as in the reading; those of venues and markets cannot be one of a strategy's. */
function makeKeys({ mode, venue, market, strategy, account, outcome }: OrderIntent): Keys {
  return {
    mode: keyOf(mode, ''),
    venue: keyOf(mode, 'venue', venue),
    market: keyOf(mode, 'market', market),
    strategy: keyOf(mode, strategy),
    outcome: keyOf(venue, account, market, outcome),
    account: keyOf(venue, account),
  };
}

function furthest(
  known: Decimal | 'any' | null,
  price: Decimal | null,
  isFurther: (a: Decimal, b: Decimal) => boolean,
): Decimal | 'any' {
  if (price === null || known === 'any') return 'any';
  return known === null || isFurther(price, known) ? price : known;
}

function alike(a: OrderIntent, b: OrderIntent): boolean {
  return (
    a.strategy === b.strategy &&
    a.venue === b.venue &&
    a.market === b.market &&
    a.outcome === b.outcome &&
    a.side === b.side &&
    a.type === b.type &&
    compare(a.quantity, b.quantity) === 0 &&
    (a.price === null ? b.price === null : b.price !== null && compare(a.price, b.price) === 0)
  );
}

function whole(count: number): Decimal {
  return { units: BigInt(count), scale: 0 };
}
