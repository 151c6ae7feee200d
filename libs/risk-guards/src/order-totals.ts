import { keyOf, type OrderReading } from './order-reading.js';
import { RiskStateUnavailable } from './risk-state.js';
import type { Holding, OwnOrders } from './rules/account.js';
import { add, compare, type Decimal, decimal, subtract } from './rules/decimal.js';
import { kindOf, type Limit } from './rules/limits.js';
import { cashNeeded, type OrderIntent, valueOf } from './rules/order-intent.js';
import type { LimitRule } from './rules/refusal.js';

const ZERO = decimal('0');

/** What was read, with what the batch has admitted since. */
export class OrderTotals {
  private readonly admitted: OrderIntent[] = [];

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
    this.admitted.push(intent);
  }

  own({ venue, account, market, outcome }: OrderIntent): OwnOrders {
    const buys = this.reading.own.get(keyOf(venue, account, market, outcome, 'BUY'));
    const sells = this.reading.own.get(keyOf(venue, account, market, outcome, 'SELL'));
    let highestBuy: OwnOrders['highestBuy'] = buys?.any === true ? 'any' : (buys?.highest ?? null);
    let lowestSell: OwnOrders['lowestSell'] = sells?.any === true ? 'any' : (sells?.lowest ?? null);
    for (const { side, price } of this.admittedIn(venue, account, market, outcome)) {
      if (side === 'BUY') highestBuy = furthest(highestBuy, price, (a, b) => compare(a, b) > 0);
      else lowestSell = furthest(lowestSell, price, (a, b) => compare(a, b) < 0);
    }
    return { highestBuy, lowestSell };
  }

  holding({ strategy, venue, account, market, outcome }: OrderIntent): Holding {
    const known = this.reading.holdings.get(keyOf(strategy, venue, account, market, outcome));
    const promised = this.admittedIn(venue, account, market, outcome)
      .filter((one) => one.side === 'SELL' && one.strategy === strategy)
      .reduce((sum, { quantity }) => add(sum, quantity), known?.promised ?? ZERO);
    return { held: known?.held ?? ZERO, promised };
  }

  freeCash({ venue, account }: OrderIntent): Decimal {
    const free = this.reading.freeCash.get(keyOf(venue, account)) ?? ZERO;
    return this.admitted
      .filter((one) => one.venue === venue && one.account === account)
      .reduce((left, one) => subtract(left, cashNeeded(one)), free);
  }

  /** Milliseconds since the same order was admitted, or undefined when it was not. */
  sinceAlike(intent: OrderIntent, number: number): number | undefined {
    return this.admitted.some((one) => alike(one, intent)) ? 0 : this.reading.alike.get(number);
  }

  /** The total as it is, or undefined for rules that look at each order alone. */
  now(rule: LimitRule, intent: OrderIntent, { scope }: Limit): Decimal | undefined {
    const { mode, strategy } = intent;
    const kind = kindOf(scope);
    const isOfStrategy = kind === 'strategy';
    const key = keyOf(mode, strategy);
    const within = (one: OrderIntent) => one.mode === mode && (!isOfStrategy || one.strategy === strategy);
    switch (rule) {
      case 'orderRate':
        return kind === 'global' || kind === 'mode'
          ? whole(this.rate(mode) + this.count((one) => one.mode === mode))
          : this.narrow('orderRate', kind, scope, intent);
      case 'messageRate': {
        const cancels = this.counted('cancels', kind, isOfStrategy ? scope.slice(kind.length + 1) : '', mode);
        const orders = isOfStrategy ? this.counted('orderRate', kind, strategy, mode) : whole(this.rate(mode));
        return add(add(orders, cancels), whole(this.count(within)));
      }
      case 'openOrders':
        if (kind === 'venue' || kind === 'market') return this.narrow('openOrders', kind, scope, intent);
        return whole(this.openOrders(mode, isOfStrategy ? strategy : undefined) + this.count(within));
      case 'position':
        if (kind === 'venue' || kind === 'market') return this.narrowValue(kind, scope, intent);
        return this.exposure(mode, isOfStrategy ? strategy : undefined);
      case 'exposure':
        return this.exposure(mode, strategy);
      case 'dailyLoss':
        return this.sumOfResults(mode, isOfStrategy ? strategy : undefined, ({ loss }) => loss);
      case 'totalDailyLoss': {
        const lost = this.sumOfResults(mode, isOfStrategy ? strategy : undefined, ({ loss }) => loss);
        return subtract(
          lost,
          this.marks(mode, isOfStrategy ? strategy : undefined, ({ losses }) => losses),
        );
      }
      case 'drawdown': {
        const of = isOfStrategy ? strategy : undefined;
        const high = this.reading.highs.get(keyOf(mode, of ?? '')) ?? ZERO;
        const fallen = subtract(high, this.equity(mode, of));
        return fallen.units < 0n ? ZERO : fallen;
      }
      case 'losingStreak':
        return whole(this.reading.streaks.get(key) ?? 0);
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
    const net = this.sumOfResults(mode, strategy, (result) => result.net);
    return add(
      net,
      this.marks(mode, strategy, ({ unrealized }) => unrealized),
    );
  }

  private rate(mode: string): number {
    const rate = this.reading.rates.get(mode);
    if (rate === undefined) throw new RiskStateUnavailable(`the order rate in mode:${mode}`);
    return rate;
  }

  private openOrders(mode: string, strategy: string | undefined): number {
    return entriesOf(this.reading.exposures, mode, strategy).reduce((sum, { orders }) => sum + orders, 0);
  }

  private exposure(mode: string, strategy: string | undefined): Decimal {
    const kept = entriesOf(this.reading.exposures, mode, strategy).reduce((sum, { value }) => add(sum, value), ZERO);
    return this.admittedValue(
      (one) => one.mode === mode && (strategy === undefined || one.strategy === strategy),
      kept,
    );
  }

  private narrowValue(kind: string, scope: string, intent: OrderIntent): Decimal {
    const name = scope.slice(kind.length + 1);
    return this.admittedValue(
      (one) => one.mode === intent.mode && nameIn(one, kind) === name,
      this.counted('position', kind, name, intent.mode),
    );
  }

  private narrow(rule: 'orderRate' | 'openOrders', kind: string, scope: string, { mode }: OrderIntent): Decimal {
    const name = scope.slice(kind.length + 1);
    const added = this.count((one) => one.mode === mode && nameIn(one, kind) === name);
    return add(this.counted(rule, kind, name, mode), whole(added));
  }

  private counted(rule: string, kind: string, name: string, mode: string): Decimal {
    const value = this.reading.counts.get(keyOf(rule, kind, name, mode));
    // A limit that was set between the reading of limits and the lock: the next order finds its total.
    if (value === undefined) throw new RiskStateUnavailable(`${rule} in ${kind}:${name}`);
    return value;
  }

  private marks(
    mode: string,
    strategy: string | undefined,
    pick: (mark: { unrealized: Decimal; losses: Decimal }) => Decimal,
  ): Decimal {
    const marks = entriesOf(this.reading.marks, mode, strategy);
    if (marks.some(({ isUnknown }) => isUnknown)) throw new RiskStateUnavailable('what open positions are worth');
    return marks.reduce((sum, mark) => add(sum, pick(mark)), ZERO);
  }

  private sumOfResults(
    mode: string,
    strategy: string | undefined,
    pick: (result: { loss: Decimal; net: Decimal }) => Decimal,
  ): Decimal {
    return entriesOf(this.reading.results, mode, strategy).reduce((sum, result) => add(sum, pick(result)), ZERO);
  }

  private count(which: (intent: OrderIntent) => boolean): number {
    return this.admitted.filter(which).length;
  }

  private admittedValue(which: (intent: OrderIntent) => boolean, start: Decimal): Decimal {
    return this.admitted
      .filter((one) => one.side === 'BUY' && which(one))
      .reduce((sum, one) => add(sum, valueOf(one)), start);
  }

  private admittedIn(venue: string, account: string, market: string, outcome: string): OrderIntent[] {
    return this.admitted.filter(
      (one) => one.venue === venue && one.account === account && one.market === market && one.outcome === outcome,
    );
  }
}

function entriesOf<V>(map: ReadonlyMap<string, V>, mode: string, strategy: string | undefined): V[] {
  if (strategy !== undefined) {
    const value = map.get(keyOf(mode, strategy));
    return value === undefined ? [] : [value];
  }
  const prefix = keyOf(mode, '');
  return [...map].filter(([key]) => key.startsWith(prefix)).map(([, value]) => value);
}

function nameIn(intent: OrderIntent, kind: string): string {
  return kind === 'venue' ? intent.venue : kind === 'market' ? intent.market : intent.strategy;
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
  return decimal(String(count));
}
