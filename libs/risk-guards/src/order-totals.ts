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

const NOTHING_ADDED: Readonly<Added> = { orders: 0, value: ZERO };

/**
 * What was read, with what the batch has admitted since. Sums are kept, so that an order costs the same at the beginning of a batch and at
 * its end, and with few strategies and many.
 */
export class OrderTotals {
  private readonly added = new Map<string, Added>();
  private readonly admittedByOutcome = new Map<string, OrderIntent[]>();
  private readonly cashTaken = new Map<string, Decimal>();
  private readonly sums = new Map<string, Decimal>();

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
    for (const key of groupsOf(intent)) {
      const before = this.added.get(key) ?? NOTHING_ADDED;
      this.added.set(key, { orders: before.orders + 1, value: add(before.value, value) });
    }
    const { venue, account, market, outcome } = intent;
    const ofOutcome = this.admittedByOutcome.get(keyOf(venue, account, market, outcome));
    if (ofOutcome === undefined) this.admittedByOutcome.set(keyOf(venue, account, market, outcome), [intent]);
    else ofOutcome.push(intent);
    const ofAccount = keyOf(venue, account);
    this.cashTaken.set(ofAccount, add(this.cashTaken.get(ofAccount) ?? ZERO, cashNeeded(intent)));
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
    return subtract(free, this.cashTaken.get(keyOf(venue, account)) ?? ZERO);
  }

  /** Milliseconds since the same order was admitted, or undefined when it was not. */
  sinceAlike(intent: OrderIntent, number: number): number | undefined {
    const { venue, account, market, outcome } = intent;
    const isRepetition = this.admittedIn(venue, account, market, outcome).some((one) => alike(one, intent));
    return isRepetition ? 0 : this.reading.alike.get(number);
  }

  /** The total as it is, or undefined for rules that look at each order alone. */
  now(rule: LimitRule, intent: OrderIntent, { scope }: Limit): Decimal | undefined {
    const { mode, strategy } = intent;
    const kind = kindOf(scope);
    const isOfStrategy = kind === 'strategy';
    const key = keyOf(mode, strategy);
    const within = isOfStrategy ? this.addedIn(mode, 'strategy', strategy) : this.addedIn(mode);
    switch (rule) {
      case 'orderRate':
        return kind === 'global' || kind === 'mode'
          ? whole(this.rate(mode) + within.orders)
          : this.narrow('orderRate', kind, scope, intent);
      case 'messageRate': {
        const cancels = this.counted('cancels', kind, isOfStrategy ? scope.slice(kind.length + 1) : '', mode);
        const orders = isOfStrategy ? this.counted('orderRate', kind, strategy, mode) : whole(this.rate(mode));
        return add(add(orders, cancels), whole(within.orders));
      }
      case 'openOrders':
        if (kind === 'venue' || kind === 'market') return this.narrow('openOrders', kind, scope, intent);
        return whole(this.openOrders(mode, isOfStrategy ? strategy : undefined) + within.orders);
      case 'position':
        if (kind === 'venue' || kind === 'market') return this.narrowValue(kind, scope, intent);
        return this.exposure(mode, isOfStrategy ? strategy : undefined);
      case 'exposure':
        return this.exposure(mode, strategy);
      case 'dailyLoss':
        return this.lost(mode, isOfStrategy ? strategy : undefined);
      case 'totalDailyLoss': {
        const of = isOfStrategy ? strategy : undefined;
        return this.sum('totalDailyLoss', mode, of, () =>
          subtract(
            this.lost(mode, of),
            this.marks(mode, of, ({ losses }) => losses),
          ),
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
    return this.sum('equity', mode, strategy, () =>
      add(
        this.sumOfResults(mode, strategy, ({ net }) => net),
        this.marks(mode, strategy, ({ unrealized }) => unrealized),
      ),
    );
  }

  private lost(mode: string, strategy: string | undefined): Decimal {
    return this.sum('loss', mode, strategy, () => this.sumOfResults(mode, strategy, ({ loss }) => loss));
  }

  private rate(mode: string): number {
    const rate = this.reading.rates.get(mode);
    if (rate === undefined) throw new RiskStateUnavailable(`the order rate in mode:${mode}`);
    return rate;
  }

  private openOrders(mode: string, strategy: string | undefined): number {
    const read = () => entriesOf(this.reading.exposures, mode, strategy).reduce((sum, { orders }) => sum + orders, 0);
    return Number(this.sum('orders', mode, strategy, () => whole(read())).units);
  }

  private exposure(mode: string, strategy: string | undefined): Decimal {
    const kept = this.sum('exposure', mode, strategy, () =>
      entriesOf(this.reading.exposures, mode, strategy).reduce((sum, { value }) => add(sum, value), ZERO),
    );
    const added = strategy === undefined ? this.addedIn(mode) : this.addedIn(mode, 'strategy', strategy);
    return add(kept, added.value);
  }

  private narrowValue(kind: string, scope: string, intent: OrderIntent): Decimal {
    const name = scope.slice(kind.length + 1);
    return add(this.counted('position', kind, name, intent.mode), this.addedIn(intent.mode, kind, name).value);
  }

  private narrow(rule: 'orderRate' | 'openOrders', kind: string, scope: string, { mode }: OrderIntent): Decimal {
    const name = scope.slice(kind.length + 1);
    return add(this.counted(rule, kind, name, mode), whole(this.addedIn(mode, kind, name).orders));
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

  private addedIn(mode: string, kind = '', name = ''): Readonly<Added> {
    return this.added.get(keyOf(mode, kind, name)) ?? NOTHING_ADDED;
  }

  private admittedIn(venue: string, account: string, market: string, outcome: string): readonly OrderIntent[] {
    return this.admittedByOutcome.get(keyOf(venue, account, market, outcome)) ?? [];
  }

  /** A sum over what was read, which does not change: computed once. */
  private sum(what: string, mode: string, strategy: string | undefined, compute: () => Decimal): Decimal {
    const key = keyOf(what, mode, strategy ?? '');
    let sum = this.sums.get(key);
    if (sum === undefined) this.sums.set(key, (sum = compute()));
    return sum;
  }
}

/** Keys of what an order is counted in. */
function groupsOf({ mode, venue, market, strategy }: OrderIntent): string[] {
  return [
    keyOf(mode, '', ''),
    keyOf(mode, 'venue', venue),
    keyOf(mode, 'market', market),
    keyOf(mode, 'strategy', strategy),
  ];
}

function entriesOf<V>(map: ReadonlyMap<string, V>, mode: string, strategy: string | undefined): V[] {
  if (strategy !== undefined) {
    const value = map.get(keyOf(mode, strategy));
    return value === undefined ? [] : [value];
  }
  const prefix = keyOf(mode, '');
  return [...map].filter(([key]) => key.startsWith(prefix)).map(([, value]) => value);
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
