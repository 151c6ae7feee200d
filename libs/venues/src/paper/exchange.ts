import { type Amount, notionalOf, ONE, ZERO } from '@interlock/persistence';
import { TakerFees } from '../fees.js';
import type { KillReason, VenueOrderStatus } from '../port/venue.types.js';
import {
  type AccountState,
  isTrading,
  isWorking,
  type MarketRules,
  type MarketState,
  type NewOrder,
  type OutcomeState,
  type PaperBehaviour,
  type PaperFill,
  type PaperOrder,
  type PaperSettlement,
} from './exchange.types.js';
import { isStruck, neededCash, type Rejection, rejectionOf, sellCostRejection } from './judge-order.js';
import { type Book, EMPTY_BOOK, type Level, ownSide, quantityAt, walk } from './matching/book.js';
import { bookReplaced, type RestingOrder, type Step, type TradeByOthers, tradeByOthers } from './matching/resting.js';

/** What an exchange starts from: the account, and of markets and orders at least those that are touched. */
export interface ExchangeState {
  readonly account: AccountState;
  readonly markets: Map<string, MarketState>;
  /** Working ones, by their id. */
  readonly orders: Map<string, PaperOrder>;
  /** By the client's key, working or not; at least those that are asked for. */
  readonly known: Map<string, PaperOrder>;
  behaviour: PaperBehaviour;
  /** Orders that were judged since the behaviour was set. */
  ordersJudged: number;
}

/** What an event changed and has to be stored. */
export interface Changes {
  readonly orders: Set<PaperOrder>;
  readonly fills: PaperFill[];
  readonly books: Map<OutcomeState, MarketState>;
  readonly positions: Map<OutcomeState, MarketState>;
  /** Those with other rules. */
  readonly markets: Set<MarketState>;
  readonly settlements: PaperSettlement[];
}

/**
 * The paper venue's rules, in memory: matching, cash, positions, settlement. It knows no clock and no storage; every event is one
 * call. Our own orders never trade with each other: a taker meets the liquidity of others only.
 */
export class Exchange {
  readonly changes: Changes = {
    orders: new Set(),
    fills: [],
    books: new Map(),
    positions: new Map(),
    markets: new Set(),
    settlements: [],
  };

  /** @param now when whatever is called now happens */
  constructor(
    readonly state: ExchangeState,
    readonly now: Date,
    private readonly newId: () => string,
  ) {}

  /** Takes an order in, trades what can be traded, and lets the rest wait or end. Refused orders are kept in the records, too. */
  submit(given: NewOrder): { order: PaperOrder; rejection: Rejection | null } {
    const order: PaperOrder = {
      ...given,
      id: this.newId(),
      arrival: ++this.state.account.lastArrival,
      createdAt: this.now,
      filledQuantity: ZERO,
      status: 'OPEN',
      reason: null,
      queueAhead: ZERO,
      reserved: ZERO,
    };
    this.changes.orders.add(order);
    this.state.known.set(order.clientKey, order);
    const isUnlucky = isStruck(this.state.behaviour, this.state.ordersJudged++);
    const rejection = isUnlucky
      ? { code: 'VENUE_REJECTED' as const, message: 'the venue refuses for no reason' }
      : this.execute(order);
    if (rejection !== null) Object.assign(order, { status: 'REJECTED', reason: rejection.code });
    return { order, rejection };
  }

  /** A trade between others. @returns what of it was ours */
  trade(market: MarketState, outcome: OutcomeState, trade: TradeByOthers): Amount {
    const tradeId = this.newId();
    return this.carryOut(market, outcome, tradeByOthers(this.resting(market, outcome), trade), () => tradeId);
  }

  /** New rules and new liquidity of others; an outcome without a book has an empty one. */
  list(market: MarketState, rules: MarketRules, books: ReadonlyMap<string, Book>): void {
    market.rules = rules;
    this.changes.markets.add(market);
    for (const outcome of market.outcomes.values()) {
      const shown = books.get(outcome.outcome) ?? EMPTY_BOOK;
      const resting = this.resting(market, outcome);
      // While nothing trades nothing is filled; a book without its other side changes queues only.
      const { steps, book } = isTrading(rules, this.now) ? bookReplaced(resting, shown) : queuesOnly(resting, shown);
      outcome.book = book;
      this.changes.books.set(outcome, market);
      this.carryOut(market, outcome, steps, () => this.newId());
    }
  }

  /** Begins to behave so. The same orders after it get the same luck as the last time it was set so. */
  behave(behaviour: PaperBehaviour): void {
    Object.assign(this.state, { behaviour, ordersJudged: 0 });
  }

  /** Ends working orders. @returns those that worked */
  end(orders: Iterable<PaperOrder>, status: 'CANCELED' | 'EXPIRED', reason: string): PaperOrder[] {
    const ended = [...orders].filter(isWorking);
    for (const order of ended) this.finish(order, status, reason);
    return ended;
  }

  /** Ends the orders whose time is over. */
  expire(): void {
    const isOver = ({ expiresAt }: PaperOrder) => expiresAt !== null && expiresAt <= this.now;
    this.end([...this.state.orders.values()].filter(isOver), 'EXPIRED', 'EXPIRED');
  }

  /** Pays what is held and closes the market for good. @param payouts of every outcome */
  settle(market: MarketState, payouts: ReadonlyMap<string, Amount>): PaperSettlement {
    const { account, orders } = this.state;
    const own = [...orders.values()].filter((order) => order.market === market.rules.market);
    this.end(own, 'CANCELED', 'MARKET_SETTLED');
    let paid = ZERO;
    for (const outcome of market.outcomes.values()) {
      paid = paid.plus(notionalOf(payouts.get(outcome.outcome) ?? ZERO, outcome.held));
      Object.assign(outcome, { held: ZERO, promised: ZERO, book: EMPTY_BOOK });
      this.changes.books.set(outcome, market);
      this.changes.positions.set(outcome, market);
    }
    account.cash = account.cash.plus(paid);
    market.rules = { ...market.rules, status: 'CLOSED' };
    market.settledAt = this.now;
    this.changes.markets.add(market);
    const settlement = {
      id: this.newId(),
      sequence: ++account.lastSequence,
      market: market.rules.market,
      payouts,
      paid,
    };
    this.changes.settlements.push(settlement);
    return settlement;
  }

  private execute(order: PaperOrder): Rejection | null {
    const { account, behaviour, markets, orders } = this.state;
    if (behaviour.mode === 'cancel-only') return { code: 'VENUE_CANCEL_ONLY', message: 'the venue only cancels' };
    const market = markets.get(order.market);
    const outcome = market?.outcomes.get(order.outcome);
    if (market === undefined || outcome === undefined) {
      return { code: 'UNKNOWN_MARKET', message: 'there is no such market or outcome' };
    }
    const refused = rejectionOf({ order, market, outcome, account, mode: behaviour.mode, now: this.now });
    if (refused !== null) return refused;

    const found = walk(outcome.book, order.side, order.price, order.quantity);
    if (order.timeInForce === 'FOK' && found.left.gt(ZERO)) return this.kill(order, 'FOK_NOT_FILLED');
    const takerFees = new TakerFees(market.rules.fees);
    const fees = found.takes.map(({ price, quantity }) => takerFees.of(price, quantity));
    const unpaid = order.side === 'SELL' ? sellCostRejection(account, found, fees) : null;
    if (unpaid !== null) return unpaid;

    found.takes.forEach((take, index) => {
      this.book(order, outcome, { ...take, fee: fees[index] ?? ZERO, liquidity: 'TAKER', tradeId: this.newId() });
    });
    if (found.takes.length > 0) {
      outcome.book = found.book;
      this.changes.books.set(outcome, market);
      this.changes.positions.set(outcome, market);
    }
    if (found.left.isZero()) return null;
    if (order.timeInForce === 'IOC') return this.kill(order, 'IOC_REMAINDER');
    order.queueAhead = quantityAt(ownSide(outcome.book, order.side), order.price ?? ONE);
    orders.set(order.id, order);
    this.hold(order, market, outcome);
    return null;
  }

  private kill(order: PaperOrder, reason: KillReason): null {
    Object.assign(order, { status: 'CANCELED', reason });
    return null;
  }

  /** @returns what was filled in all */
  private carryOut(
    market: MarketState,
    outcome: OutcomeState,
    steps: readonly Step<Resting>[],
    tradeIdOf: () => string,
  ): Amount {
    for (const { order: resting, filled, queueAhead } of steps) {
      const { order } = resting;
      order.queueAhead = queueAhead;
      this.changes.orders.add(order);
      if (filled.isZero()) continue;
      this.release(order, outcome);
      const fill = { price: resting.price, quantity: filled, fee: ZERO, liquidity: 'MAKER' as const };
      this.book(order, outcome, { ...fill, tradeId: tradeIdOf() });
      this.changes.positions.set(outcome, market);
      if (isWorking(order)) this.hold(order, market, outcome);
      else this.state.orders.delete(order.id);
    }
    return steps.reduce((sum, { filled }) => sum.plus(filled), ZERO);
  }

  /** Cash and shares change hands. */
  private book(
    order: PaperOrder,
    outcome: OutcomeState,
    fill: Level & Pick<PaperFill, 'fee' | 'liquidity' | 'tradeId'>,
  ): void {
    const { account } = this.state;
    const notional = notionalOf(fill.price, fill.quantity);
    const isBuy = order.side === 'BUY';
    account.cash = (isBuy ? account.cash.minus(notional) : account.cash.plus(notional)).minus(fill.fee);
    outcome.held = isBuy ? outcome.held.plus(fill.quantity) : outcome.held.minus(fill.quantity);
    order.filledQuantity = order.filledQuantity.plus(fill.quantity);
    order.status = order.filledQuantity.eq(order.quantity) ? 'FILLED' : 'PARTIALLY_FILLED';
    this.changes.fills.push({ ...fill, id: this.newId(), sequence: ++account.lastSequence, order, notional });
  }

  private finish(order: PaperOrder, status: VenueOrderStatus, reason: string): void {
    const market = this.state.markets.get(order.market);
    const outcome = market?.outcomes.get(order.outcome);
    if (market === undefined || outcome === undefined) throw new Error(`the market of order ${order.id} is not loaded`);
    this.release(order, outcome);
    Object.assign(order, { status, reason });
    this.state.orders.delete(order.id);
    this.changes.orders.add(order);
    this.changes.positions.set(outcome, market);
  }

  /** A working order holds what it may need: a buy cash, a sell shares. */
  private hold(order: PaperOrder, market: MarketState, outcome: OutcomeState): void {
    const remaining = remainingOf(order);
    if (order.side === 'SELL') {
      outcome.promised = outcome.promised.plus(remaining);
      this.changes.positions.set(outcome, market);
      return;
    }
    order.reserved = neededCash(market.rules.fees, order.price, remaining);
    this.state.account.reserved = this.state.account.reserved.plus(order.reserved);
  }

  private release(order: PaperOrder, outcome: OutcomeState): void {
    if (order.side === 'SELL') outcome.promised = outcome.promised.minus(remainingOf(order));
    this.state.account.reserved = this.state.account.reserved.minus(order.reserved);
    order.reserved = ZERO;
  }

  private resting(market: MarketState, { outcome }: OutcomeState): Resting[] {
    const isHere = (order: PaperOrder) => order.market === market.rules.market && order.outcome === outcome;
    return [...this.state.orders.values()].filter(isHere).flatMap((order) => {
      const { side, price, queueAhead, arrival } = order;
      return price === null ? [] : [{ side, price, queueAhead, arrival, order, remaining: remainingOf(order) }];
    });
  }
}

interface Resting extends RestingOrder {
  readonly order: PaperOrder;
}

function remainingOf({ quantity, filledQuantity }: PaperOrder): Amount {
  return quantity.minus(filledQuantity);
}

function queuesOnly(resting: readonly Resting[], shown: Book): { steps: Step<Resting>[]; book: Book } {
  const buys = bookReplaced(
    resting.filter(({ side }) => side === 'BUY'),
    { ...shown, asks: [] },
  );
  const sells = bookReplaced(
    resting.filter(({ side }) => side === 'SELL'),
    { ...shown, bids: [] },
  );
  return { steps: [...buys.steps, ...sells.steps], book: shown };
}
