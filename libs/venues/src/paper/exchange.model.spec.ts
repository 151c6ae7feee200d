import * as fc from 'fast-check';
import { amountText, decimalOf, notionalOf } from '@interlock/persistence';
import type { FeeSchedule, Side, TimeInForce } from '../port/venue.types.js';
import { Exchange } from './exchange.js';
import { isWorking, type MarketState, type PaperOrder } from './exchange.types.js';
import { neededCash } from './judge-order.js';
import { bookOf } from './matching/book.js';

/*
 * Long random histories, carried out by the exchange and by a model that moves single shares at prices of whole cents, one at a
 * time. The model knows no fees; histories with fees are held to what must always be true.
 */

type LevelsInCents = readonly (readonly [cents: number, shares: number])[];
type Event =
  | {
      kind: 'submit';
      side: Side;
      cents: number;
      shares: number;
      timeInForce: TimeInForce;
      postOnly: boolean;
      lifetime: number;
    }
  | { kind: 'trade'; side: Side; cents: number; shares: number }
  | { kind: 'book'; bids: LevelsInCents; asks: LevelsInCents }
  | { kind: 'cancel'; nth: number }
  | { kind: 'wait'; ms: number };

const CASH = 60;
const side = fc.constantFrom<Side>('BUY', 'SELL');
// Few prices, so that orders, trades and books often meet at one.
const cents = fc.integer({ min: 47, max: 52 });
const shares = fc.integer({ min: 1, max: 12 });
const someLevels = (min: number, max: number) => fc.array(fc.tuple(fc.integer({ min, max }), shares), { maxLength: 4 });
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('submit' as const),
      side,
      cents,
      shares,
      timeInForce: fc.constantFrom<TimeInForce>('GTC', 'GTC', 'GTD', 'IOC', 'FOK'),
      postOnly: fc.constantFrom(true, false, false),
      lifetime: fc.integer({ min: 1, max: 20 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('trade' as const), side, cents, shares }) },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 48, max: 52 }).chain((middle) =>
      fc.record({
        kind: fc.constant('book' as const),
        bids: someLevels(47, middle - 1),
        asks: someLevels(middle, 52),
      }),
    ),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), nth: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 10 }) }) },
);
const history = fc.array(event, { minLength: 10, maxLength: 60, size: 'max' });

interface ModelOrder {
  side: Side;
  cents: number;
  shares: number;
  filled: number;
  queue: number;
  endsAt: number;
  state: 'working' | 'filled' | 'ended' | 'rejected';
}

/** One share at a time. */
class Model {
  cash = CASH * 100;
  held = 0;
  now = 0;
  readonly orders: ModelOrder[] = [];
  private bids = new Map<number, number>();
  private asks = new Map<number, number>();

  carryOut(given: Event): void {
    switch (given.kind) {
      case 'wait':
        this.now += given.ms;
        for (const order of this.working()) if (order.endsAt <= this.now) order.state = 'ended';
        break;
      case 'cancel': {
        const order = this.orders[given.nth];
        if (order?.state === 'working') order.state = 'ended';
        break;
      }
      case 'trade':
        this.trade(given.side, given.cents, given.shares);
        break;
      case 'book':
        this.replaceBook(given);
        break;
      case 'submit':
        this.submit(given);
        break;
    }
  }

  shown(side_: Side): [number, number][] {
    return [...(side_ === 'BUY' ? this.bids : this.asks)].filter(([, n]) => n > 0).toSorted(([a], [b]) => a - b);
  }

  private working(): ModelOrder[] {
    return this.orders.filter(({ state }) => state === 'working');
  }

  private submit(given: Extract<Event, { kind: 'submit' }>): void {
    const { timeInForce, postOnly } = given;
    const order: ModelOrder = { ...given, filled: 0, queue: 0, endsAt: Infinity, state: 'working' };
    if (timeInForce === 'GTD') order.endsAt = this.now + given.lifetime;
    this.orders.push(order);
    const opposite = given.side === 'BUY' ? this.asks : this.bids;
    const best = () => this.bestFor(given.side, given.cents);
    const spent = this.working().reduce((sum, o) => sum + (o.side === 'BUY' ? o.cents * (o.shares - o.filled) : 0), 0);
    const promised = this.working().reduce((sum, o) => sum + (o.side === 'SELL' ? o.shares - o.filled : 0), 0);
    const rests = timeInForce === 'GTC' || timeInForce === 'GTD';
    const reachable = [...opposite].reduce((sum, [at, n]) => sum + (this.isReached(given, at) ? n : 0), 0);
    const means = given.side === 'BUY' ? spent <= this.cash : promised <= this.held;
    if ((postOnly && (!rests || best() !== undefined)) || !means) {
      order.state = 'rejected';
      return;
    }
    if (timeInForce === 'FOK' && reachable < given.shares) {
      order.state = 'ended';
      return;
    }
    for (let at = best(); at !== undefined && order.filled < order.shares; at = best()) {
      opposite.set(at, (opposite.get(at) ?? 0) - 1);
      this.fillOne(order, at);
    }
    if (order.state === 'working' && !rests) order.state = 'ended';
    order.queue = (given.side === 'BUY' ? this.bids : this.asks).get(given.cents) ?? 0;
  }

  private isReached({ side: by, cents: limit }: { side: Side; cents: number }, at: number): boolean {
    return by === 'BUY' ? at <= limit : at >= limit;
  }

  private bestFor(by: Side, limit: number): number | undefined {
    const prices = [...(by === 'BUY' ? this.asks : this.bids)]
      .filter(([at, n]) => n > 0 && this.isReached({ side: by, cents: limit }, at))
      .map(([at]) => at)
      .toSorted((a, b) => (by === 'BUY' ? a - b : b - a));
    return prices[0];
  }

  private fillOne(order: ModelOrder, at: number): void {
    order.filled += 1;
    this.cash += order.side === 'BUY' ? -at : at;
    this.held += order.side === 'BUY' ? 1 : -1;
    if (order.filled === order.shares) order.state = 'filled';
  }

  private trade(aggressor: Side, at: number, quantity: number): void {
    for (let unit = 0; unit < quantity; unit += 1) {
      const candidates = this.working()
        .filter((order) => order.side !== aggressor && this.isReached({ side: aggressor, cents: at }, order.cents))
        .toSorted((a, b) => (aggressor === 'SELL' ? b.cents - a.cents : a.cents - b.cents));
      const [first] = candidates;
      if (first === undefined) return;
      const level = candidates.filter((order) => order.cents === at);
      if (first.cents === at && first.queue > 0) {
        for (const order of level) order.queue = Math.max(0, order.queue - 1);
      } else {
        first.queue = 0;
        this.fillOne(first, first.cents);
      }
    }
  }

  private replaceBook({ bids, asks }: { bids: LevelsInCents; asks: LevelsInCents }): void {
    const total = (levels: LevelsInCents) => {
      const sums = new Map<number, number>();
      for (const [at, n] of levels) sums.set(at, (sums.get(at) ?? 0) + n);
      return sums;
    };
    [this.bids, this.asks] = [total(bids), total(asks)];
    for (const by of ['BUY', 'SELL'] as const) {
      const own = by === 'BUY' ? this.bids : this.asks;
      for (const order of this.working().filter((o) => o.side === by)) {
        order.queue = Math.min(order.queue, own.get(order.cents) ?? 0);
      }
    }
    // Our bids take from the asks and our asks from the bids, which never get in each other's way.
    for (const by of ['BUY', 'SELL'] as const) {
      const opposite = by === 'BUY' ? this.asks : this.bids;
      const queue = this.working()
        .filter((order) => order.side === by)
        .toSorted((a, b) => (by === 'BUY' ? b.cents - a.cents : a.cents - b.cents));
      for (const order of queue) {
        while (order.state === 'working') {
          const at = this.bestFor(by, order.cents);
          if (at === undefined) break;
          opposite.set(at, (opposite.get(at) ?? 0) - 1);
          this.fillOne(order, order.cents);
        }
      }
    }
  }
}

/** The exchange under the same events. */
class Subject {
  readonly orders: PaperOrder[] = [];
  readonly market: MarketState;
  private ids = 0;
  private now = 0;
  exchange: Exchange;

  constructor(fees: FeeSchedule) {
    const outcome = { outcome: 'YES', book: bookOf([], []), held: decimalOf(0), promised: decimalOf(0) };
    this.market = {
      id: 'm',
      rules: {
        market: 'm',
        outcomes: ['YES'],
        fees,
        tick: decimalOf('0.01'),
        minimumQuantity: decimalOf(1),
        status: 'OPEN',
        closesAt: null,
      },
      settledAt: null,
      outcomes: new Map([['YES', outcome]]),
    };
    const account = { cash: decimalOf(CASH), reserved: decimalOf(0), lastArrival: 0, lastSequence: 0 };
    const behaviour = { latencyMs: 0, acknowledgement: 'normal', rejectRate: 0, mode: 'open', seed: 0 } as const;
    const state = {
      account,
      markets: new Map([['m', this.market]]),
      orders: new Map(),
      known: new Map(),
      behaviour,
      ordersJudged: 0,
    };
    this.exchange = this.at(state);
  }

  get yes() {
    return this.market.outcomes.get('YES') as NonNullable<ReturnType<MarketState['outcomes']['get']>>;
  }

  carryOut(given: Event): void {
    switch (given.kind) {
      case 'wait': {
        this.now += given.ms;
        const { state, changes } = this.exchange;
        this.exchange = this.at(state);
        this.exchange.changes.fills.push(...changes.fills);
        this.exchange.expire();
        break;
      }
      case 'cancel': {
        const order = this.orders[given.nth];
        if (order !== undefined) this.exchange.end([order], 'CANCELED', 'CANCEL_REQUESTED');
        break;
      }
      case 'trade': {
        const trade = { side: given.side, price: inDollars(given.cents), quantity: decimalOf(given.shares) };
        this.exchange.trade(this.market, this.yes, trade);
        break;
      }
      case 'book': {
        const book = bookOf(levelsOf(given.bids), levelsOf(given.asks));
        this.exchange.list(this.market, this.market.rules, new Map([['YES', book]]));
        break;
      }
      case 'submit':
        this.orders.push(this.exchange.submit(this.newOrder(given)).order);
        break;
    }
  }

  private at(state: Exchange['state']): Exchange {
    return new Exchange(state, new Date(this.now), () => `id-${++this.ids}`);
  }

  private newOrder(given: Extract<Event, { kind: 'submit' }>) {
    return {
      clientKey: `key-${this.orders.length}`,
      market: 'm',
      outcome: 'YES',
      side: given.side,
      type: 'limit' as const,
      price: inDollars(given.cents),
      quantity: decimalOf(given.shares),
      timeInForce: given.timeInForce,
      expiresAt: given.timeInForce === 'GTD' ? new Date(this.now + given.lifetime) : null,
      postOnly: given.postOnly,
      reduceOnly: false,
    };
  }
}

const inDollars = (value: number) => decimalOf(value).div(100);
const levelsOf = (given: LevelsInCents) => given.map(([at, n]) => ({ price: inDollars(at), quantity: decimalOf(n) }));
const stateOf = ({ status }: PaperOrder): ModelOrder['state'] =>
  isWorking({ status }) ? 'working' : status === 'FILLED' ? 'filled' : status === 'REJECTED' ? 'rejected' : 'ended';

describe('the exchange over long random histories', () => {
  it('does what a model does that moves single shares', () => {
    fc.assert(
      fc.property(history, (events) => {
        const model = new Model();
        const subject = new Subject({ rules: 'free', feeRate: '0', feeExponent: 1 });
        for (const one of events) {
          model.carryOut(one);
          subject.carryOut(one);
        }
        expect(subject.orders.map((order) => [stateOf(order), order.filledQuantity.toNumber()])).toEqual(
          model.orders.map(({ state, filled }) => [state, filled]),
        );
        const queues = <O>(orders: readonly O[], works: (order: O) => boolean, ahead: (order: O) => number) =>
          orders.filter(works).map(ahead);
        expect(queues(subject.orders, isWorking, ({ queueAhead }) => queueAhead.toNumber())).toEqual(
          queues(model.orders, ({ state }) => state === 'working', ({ queue }) => queue), // prettier-ignore
        );
        expect(amountText(subject.exchange.state.account.cash)).toBe(amountText(inDollars(model.cash)));
        expect(subject.yes.held.toNumber()).toBe(model.held);
        for (const [by, shown] of [
          ['BUY', subject.yes.book.bids],
          ['SELL', subject.yes.book.asks],
        ] as const) {
          // prettier-ignore
          const levels = shown.map(({ price, quantity }) => [price.times(100).toNumber(), quantity.toNumber()]);
          expect(levels.toSorted(([a = 0], [b = 0]) => a - b)).toEqual(model.shown(by));
        }
      }),
      { numRuns: 400 },
    );
  });

  it.each<FeeSchedule>([
    { rules: 'free', feeRate: '0', feeExponent: 1 },
    { rules: 'polymarket', feeRate: '0.3', feeExponent: 0.5 },
    { rules: 'kalshi', feeRate: '0', feeExponent: 1 },
  ])('under $rules fees loses and makes nothing, and keeps every promise to every order', (fees) => {
    fc.assert(
      fc.property(history, (events) => {
        const subject = new Subject(fees);
        for (const one of events) {
          subject.carryOut(one);
          checkWhatIsHeld(subject, fees);
        }
        checkFills(subject);
        const { account } = subject.exchange.state;
        const held = subject.yes.held;
        const before = account.cash;
        subject.exchange.settle(subject.market, new Map([['YES', decimalOf('0.37')]]));
        expect(amountText(account.cash)).toBe(amountText(before.plus(notionalOf(decimalOf('0.37'), held))));
        expect([amountText(account.reserved), amountText(subject.yes.promised)]).toEqual(['0', '0']);
      }),
      { numRuns: 40 },
    );
  });
});

function checkWhatIsHeld({ exchange, orders, yes }: Subject, fees: FeeSchedule): void {
  const { account } = exchange.state;
  const working = orders.filter(isWorking);
  expect([...exchange.state.orders.values()].map(({ id }) => id).toSorted()).toEqual(
    working.map(({ id }) => id).toSorted(),
  );
  let reserved = decimalOf(0);
  let promised = decimalOf(0);
  for (const order of working) {
    const remaining = order.quantity.minus(order.filledQuantity);
    if (order.side === 'BUY') reserved = reserved.plus(neededCash(fees, order.price, remaining));
    else promised = promised.plus(remaining);
    expect(order.queueAhead.isNegative()).toBe(false);
  }
  expect(amountText(account.reserved)).toBe(amountText(reserved));
  expect(amountText(yes.promised)).toBe(amountText(promised));
  expect(promised.lte(yes.held)).toBe(true);
  expect(account.cash.gte(account.reserved)).toBe(true);
}

function checkFills({ exchange, orders }: Subject): void {
  const { fills } = exchange.changes;
  const cash = fills.reduce(
    (sum, { order, notional, fee }) => (order.side === 'BUY' ? sum.minus(notional) : sum.plus(notional)).minus(fee),
    decimalOf(CASH),
  );
  expect(amountText(exchange.state.account.cash)).toBe(amountText(cash));
  expect(fills.map(({ sequence }) => sequence)).toEqual(fills.map((_, index) => index + 1));
  for (const order of orders) {
    const own = fills.filter((fill) => fill.order === order);
    const total = own.reduce((sum, { quantity }) => sum.plus(quantity), decimalOf(0));
    expect(amountText(total)).toBe(amountText(order.filledQuantity));
    for (const { price, liquidity } of own) {
      const limit = order.price ?? decimalOf(1);
      expect(order.side === 'BUY' ? price.lte(limit) : price.gte(limit)).toBe(true);
      expect(liquidity === 'TAKER' || price.eq(limit)).toBe(true);
      expect(order.postOnly && liquidity === 'TAKER').toBe(false);
    }
    expect(order.timeInForce !== 'FOK' || total.isZero() || total.eq(order.quantity)).toBe(true);
    expect(isWorking(order) && ['IOC', 'FOK'].includes(order.timeInForce)).toBe(false);
  }
}
