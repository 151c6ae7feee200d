import { type Amount, amountText, decimalOf } from '@interlock/persistence';
import type { FeeSchedule } from '../port/venue.types.js';
import { Exchange } from './exchange.js';
import type { MarketRules, MarketState, NewOrder, PaperBehaviour, PaperOrder } from './exchange.types.js';
import { bookOf } from './matching/book.js';

type Levels = [price: string, quantity: string][];
const NOW = new Date('2026-03-01T12:00:00Z');
const free: FeeSchedule = { rules: 'free', feeRate: '0', feeExponent: 1 };
const calm: PaperBehaviour = { latencyMs: 0, acknowledgement: 'normal', rejectRate: 0, mode: 'open', seed: 0 };

const levels = (given: Levels = []) =>
  given.map(([price, quantity]) => ({ price: decimalOf(price), quantity: decimalOf(quantity) }));
const texts = (shown: readonly { price: Amount; quantity: Amount }[]) =>
  shown.map(({ price, quantity }) => `${amountText(quantity)} @ ${amountText(price)}`);

/** A market `rain` with outcomes YES and NO, and an account. */
class Scene {
  readonly market: MarketState;
  readonly exchange: Exchange;
  private keys = 0;
  private ids = 0;

  constructor({
    cash = '1000',
    held = '0',
    rules = {},
    behaviour = calm,
  }: { cash?: string; held?: string; rules?: Partial<MarketRules>; behaviour?: PaperBehaviour } = {}) {
    const outcomes = ['YES', 'NO'];
    const fixed = { market: 'rain', outcomes, fees: free, tick: decimalOf('0.01'), minimumQuantity: decimalOf(1) };
    this.market = {
      id: 'market',
      rules: { ...fixed, status: 'OPEN', closesAt: null, ...rules },
      settledAt: null,
      outcomes: new Map(
        outcomes.map((outcome) => [
          outcome,
          { outcome, book: bookOf([], []), held: decimalOf(outcome === 'YES' ? held : 0), promised: decimalOf(0) },
        ]),
      ),
    };
    const account = { cash: decimalOf(cash), reserved: decimalOf(0), lastArrival: 0, lastSequence: 0 };
    const markets = new Map([['rain', this.market]]);
    this.exchange = new Exchange(
      { account, markets, orders: new Map(), known: new Map(), behaviour, ordersJudged: 0 },
      NOW,
      () => `id-${++this.ids}`,
    );
  }

  get yes() {
    const outcome = this.market.outcomes.get('YES');
    if (outcome === undefined) throw new Error('no YES');
    return outcome;
  }

  get cash() {
    const { cash, reserved } = this.exchange.state.account;
    return { cash: amountText(cash), reserved: amountText(reserved) };
  }

  show(bids: Levels, asks: Levels, rules: Partial<MarketRules> = {}): void {
    const book = bookOf(levels(bids), levels(asks));
    this.exchange.list(this.market, { ...this.market.rules, ...rules }, new Map([['YES', book]]));
  }

  submit(side: 'BUY' | 'SELL', quantity: string, price: string | null, more: Partial<NewOrder> = {}): PaperOrder {
    return this.exchange.submit({
      clientKey: `key-${++this.keys}`,
      market: 'rain',
      outcome: 'YES',
      side,
      type: 'limit',
      price: price === null ? null : decimalOf(price),
      quantity: decimalOf(quantity),
      timeInForce: 'GTC',
      expiresAt: null,
      postOnly: false,
      reduceOnly: false,
      ...more,
    }).order;
  }

  trade(side: 'BUY' | 'SELL', quantity: string, price: string): string {
    return amountText(
      this.exchange.trade(this.market, this.yes, { side, price: decimalOf(price), quantity: decimalOf(quantity) }),
    );
  }

  fills(): string[] {
    return this.exchange.changes.fills.map(
      ({ order, price, quantity, fee }) =>
        `${order.clientKey} ${amountText(quantity)} @ ${amountText(price)}${fee.isZero() ? '' : ` fee ${amountText(fee)}`}`,
    );
  }
}

const shown = ({ status, reason, filledQuantity }: PaperOrder) => [status, reason, amountText(filledQuantity)];

describe('a taker', () => {
  it('walks the book one fill per level, as far as its limit allows; what is taken is gone', () => {
    const scene = new Scene();
    scene.show([], [['0.52', '10'], ['0.5', '5'], ['0.51', '3'], ['0.5', '2']]); // prettier-ignore
    const order = scene.submit('BUY', '12', '0.51');
    expect(scene.fills()).toEqual(['key-1 7 @ 0.5', 'key-1 3 @ 0.51']);
    expect(shown(order)).toEqual(['PARTIALLY_FILLED', null, '10']);
    expect(texts(scene.yes.book.asks)).toEqual(['10 @ 0.52']);
    expect(scene.cash).toEqual({ cash: '994.97', reserved: '1.02' });
    expect(amountText(scene.yes.held)).toBe('10');
  });

  it('IOC gives up what is left, FOK takes all or nothing, a market order reaches every price', () => {
    const scene = new Scene();
    scene.show([], [['0.5', '5'], ['0.9', '5']]); // prettier-ignore
    expect(shown(scene.submit('BUY', '6', '0.6', { timeInForce: 'FOK' }))).toEqual(['CANCELED', 'FOK_NOT_FILLED', '0']);
    expect(shown(scene.submit('BUY', '6', '0.6', { timeInForce: 'IOC' }))).toEqual(['CANCELED', 'IOC_REMAINDER', '5']);
    expect(shown(scene.submit('BUY', '1', '0.6', { timeInForce: 'IOC' }))).toEqual(['CANCELED', 'IOC_REMAINDER', '0']);
    const market = { type: 'market' as const, timeInForce: 'FOK' as const };
    expect(shown(scene.submit('BUY', '5', null, market))).toEqual(['FILLED', null, '5']);
    expect(scene.cash).toEqual({ cash: '993', reserved: '0' });
  });

  it('pays the fee of each fill on its own, and never meets our own orders', () => {
    const fees: FeeSchedule = { rules: 'kalshi', feeRate: '0', feeExponent: 1 };
    const scene = new Scene({ held: '10', rules: { fees } });
    scene.submit('SELL', '10', '0.4');
    scene.show([], [['0.5', '0.5'], ['0.51', '1']]); // prettier-ignore
    scene.submit('BUY', '1.5', '0.6');
    expect(scene.fills()).toEqual(['key-2 0.5 @ 0.5 fee 0.01', 'key-2 1 @ 0.51 fee 0.02']);
    expect(scene.cash.cash).toBe('999.21');
  });
});

describe('a maker', () => {
  it('waits behind what is shown at its price and behind own earlier orders', () => {
    const scene = new Scene();
    scene.show([['0.4', '10']], []);
    const first = scene.submit('BUY', '5', '0.4');
    const second = scene.submit('BUY', '5', '0.4');
    expect(scene.trade('SELL', '8', '0.4')).toBe('0');
    expect(scene.trade('SELL', '4', '0.4')).toBe('2');
    expect(scene.trade('SELL', '4', '0.4')).toBe('4');
    expect([shown(first), shown(second)]).toEqual([
      ['FILLED', null, '5'],
      ['PARTIALLY_FILLED', null, '1'],
    ]);
    expect(texts(scene.yes.book.bids)).toEqual(['10 @ 0.4']); // as shown, whatever traded
    expect(scene.cash).toEqual({ cash: '997.6', reserved: '1.6' });
  });

  it('at a better price is filled first and, as the trade goes through it, without a queue; at most the trade in all', () => {
    const scene = new Scene();
    scene.show([['0.41', '100'], ['0.4', '3']], []); // prettier-ignore
    scene.submit('BUY', '5', '0.4');
    scene.submit('BUY', '5', '0.41');
    expect(scene.trade('SELL', '10', '0.4')).toBe('7');
    expect(scene.fills()).toEqual(['key-2 5 @ 0.41', 'key-1 2 @ 0.4']);
    expect(new Set(scene.exchange.changes.fills.map(({ tradeId }) => tradeId)).size).toBe(1);
    expect(scene.trade('SELL', '10', '0.39')).toBe('3');
    expect(scene.trade('BUY', '10', '0.39')).toBe('0');
  });

  it('sells as it buys, with the sides changed', () => {
    const scene = new Scene({ held: '20', cash: '0' });
    scene.show([], [['0.6', '4']]);
    scene.submit('SELL', '5', '0.6');
    scene.submit('SELL', '5', '0.59');
    expect(scene.trade('BUY', '12', '0.6')).toBe('8');
    expect(scene.fills()).toEqual(['key-2 5 @ 0.59', 'key-1 3 @ 0.6']);
    expect(scene.cash).toEqual({ cash: '4.75', reserved: '0' });
    expect([amountText(scene.yes.held), amountText(scene.yes.promised)]).toEqual(['12', '2']);
  });

  it('is filled at its own price by a new book that reaches it, out of that book; else its queue can only shrink', () => {
    const scene = new Scene();
    scene.show([['0.4', '10'], ['0.45', '1']], []); // prettier-ignore
    const low = scene.submit('BUY', '5', '0.4');
    const high = scene.submit('BUY', '5', '0.45');
    scene.show([['0.4', '4']], [['0.46', '9']]);
    expect([amountText(low.queueAhead), amountText(high.queueAhead)]).toEqual(['4', '0']);
    scene.show([['0.4', '50']], [['0.46', '9']]);
    expect(amountText(low.queueAhead)).toBe('4');
    scene.show([], [['0.44', '2'], ['0.4', '5'], ['0.47', '1']]); // prettier-ignore
    expect(scene.fills()).toEqual(['key-2 5 @ 0.45']);
    expect(texts(scene.yes.book.asks)).toEqual(['2 @ 0.44', '1 @ 0.47']);
  });

  it('is not filled while the market is paused', () => {
    const scene = new Scene();
    const order = scene.submit('BUY', '5', '0.4');
    scene.show([], [['0.3', '9']], { status: 'PAUSED' });
    expect(shown(order)).toEqual(['OPEN', null, '0']);
    scene.show([], [['0.3', '9']], { status: 'OPEN' });
    expect(shown(order)).toEqual(['FILLED', null, '5']);
  });
});

describe('the venue refuses', () => {
  const soon = new Date(NOW.getTime() + 1_000);
  it.each<[string, string, Partial<NewOrder>, Partial<MarketRules>]>([
    ['UNKNOWN_MARKET', 'another market', { market: 'snow' }, {}],
    ['UNKNOWN_MARKET', 'another outcome', { outcome: 'MAYBE' }, {}],
    ['MARKET_CLOSED', 'a closed market', {}, { status: 'CLOSED' }],
    ['MARKET_CLOSED', 'a paused market', {}, { status: 'PAUSED' }],
    ['MARKET_CLOSED', 'after its time', {}, { closesAt: NOW }],
    ['INVALID_ORDER', 'a limit without price', { price: null }, {}],
    ['INVALID_ORDER', 'a market order that rests', { type: 'market' }, {}],
    ['INVALID_ORDER', 'post-only that cannot rest', { postOnly: true, timeInForce: 'IOC' }, {}],
    ['INVALID_ORDER', 'GTD without end', { timeInForce: 'GTD' }, {}],
    ['INVALID_ORDER', 'GTD with an end in the past', { timeInForce: 'GTD', expiresAt: NOW }, {}],
    ['INVALID_ORDER', 'an end without GTD', { expiresAt: soon }, {}],
    ['INVALID_TICK', 'a price between ticks', { price: decimalOf('0.405') }, {}],
    ['INVALID_TICK', 'a price of 1', { price: decimalOf('1') }, {}],
    ['INVALID_TICK', 'a price of 0', { price: decimalOf('0') }, {}],
    ['BELOW_MINIMUM_SIZE', 'too little', { quantity: decimalOf('0.99') }, {}],
    ['POST_ONLY_WOULD_TRADE', 'post-only that would trade', { postOnly: true, price: decimalOf('0.5') }, {}],
    ['REDUCE_ONLY_VIOLATION', 'a buy that is to reduce', { reduceOnly: true }, {}],
    [
      'REDUCE_ONLY_VIOLATION',
      'reducing more than is held',
      { reduceOnly: true, side: 'SELL', quantity: decimalOf(11) },
      {},
    ],
    ['INSUFFICIENT_POSITION', 'selling more than is held', { side: 'SELL', quantity: decimalOf('10.01') }, {}],
    ['INSUFFICIENT_CASH', 'a buy beyond the cash', { quantity: decimalOf('2500.01') }, {}],
  ])('%s: %s', (code, _, order, rules) => {
    const scene = new Scene({ held: '10', rules });
    scene.show([], [['0.5', '5']], rules);
    const before = scene.cash;
    expect(shown(scene.submit('BUY', '5', '0.4', order))).toEqual(['REJECTED', code, '0']);
    expect(scene.cash).toEqual(before);
    expect(scene.fills()).toEqual([]);
  });

  it('what cash and shares working orders hold, and gives it back when they end', () => {
    const fees: FeeSchedule = { rules: 'polymarket', feeRate: '0.1', feeExponent: 1 };
    const scene = new Scene({ cash: '52.5', held: '10', rules: { fees } });
    const buy = scene.submit('BUY', '100', '0.5'); // 50 and at most 2.5 of fees
    expect(scene.cash).toEqual({ cash: '52.5', reserved: '52.5' });
    expect(scene.submit('BUY', '1', '0.01').reason).toBe('INSUFFICIENT_CASH');
    const sell = scene.submit('SELL', '6', '0.9', { reduceOnly: true });
    expect(scene.submit('SELL', '5', '0.9').reason).toBe('INSUFFICIENT_POSITION');
    scene.exchange.end([buy, sell], 'CANCELED', 'CANCEL_REQUESTED');
    expect(scene.cash).toEqual({ cash: '52.5', reserved: '0' });
    expect(amountText(scene.yes.promised)).toBe('0');
    expect(shown(scene.submit('SELL', '10', '0.9'))).toEqual(['OPEN', null, '0']);
  });

  it('a sale whose rounded fee is more than it brings and than there is', () => {
    const fees: FeeSchedule = { rules: 'kalshi', feeRate: '0', feeExponent: 1 };
    const small = { rules: { fees, minimumQuantity: decimalOf('0.1') }, held: '1' };
    for (const [cash, status] of [
      ['0.008', 'REJECTED'],
      ['0.009', 'FILLED'],
    ] as const) {
      // prettier-ignore
      const scene = new Scene({ ...small, cash });
      scene.show([['0.01', '5']], []);
      expect(scene.submit('SELL', '0.1', '0.01').status).toBe(status); // brings 0.001 and costs 0.01
    }
  });

  it.each([
    ['cancel-only', '0.3', 'VENUE_CANCEL_ONLY'],
    ['post-only', '0.5', 'POST_ONLY_WOULD_TRADE'],
    ['post-only', '0.3', null],
  ] as const)('in mode %s at %s: %s', (mode, price, reason) => {
    const scene = new Scene({ behaviour: { ...calm, mode } });
    scene.show([], [['0.5', '5']]);
    expect(scene.submit('BUY', '5', price).reason).toBe(reason);
  });

  it('the share of orders that it is told to refuse, the same ones for the same seed', () => {
    const strikes = (seed: number, rejectRate: number) => {
      const scene = new Scene({ behaviour: { ...calm, seed, rejectRate } });
      return Array.from({ length: 400 }, () => scene.submit('BUY', '1', '0.01').reason ?? '-');
    };
    const some = strikes(7, 0.25);
    expect(strikes(7, 0.25)).toEqual(some);
    expect(strikes(8, 0.25)).not.toEqual(some);
    expect(some.filter((reason) => reason === 'VENUE_REJECTED').length / 400).toBeCloseTo(0.25, 1);
    expect(new Set(strikes(1, 1))).toEqual(new Set(['VENUE_REJECTED']));
    expect(new Set(strikes(1, 0))).toEqual(new Set(['-']));
  });
});

describe('the end', () => {
  it('of a GTD order comes with its time', () => {
    const scene = new Scene();
    const expiresAt = new Date(NOW.getTime() + 1);
    const order = scene.submit('BUY', '5', '0.4', { timeInForce: 'GTD', expiresAt });
    scene.exchange.expire();
    expect(order.status).toBe('OPEN');
    const later = new Exchange(scene.exchange.state, expiresAt, () => 'id');
    later.expire();
    expect(shown(order)).toEqual(['EXPIRED', 'EXPIRED', '0']);
    expect(scene.cash.reserved).toBe('0');
  });

  it('of a market cancels what works, pays what is held and leaves nothing', () => {
    const scene = new Scene({ held: '7', cash: '10' });
    const buy = scene.submit('BUY', '5', '0.4');
    const sell = scene.submit('SELL', '5', '0.9');
    const settlement = scene.exchange.settle(scene.market, new Map([['YES', decimalOf('0.25')], ['NO', decimalOf('0.75')]])); // prettier-ignore
    expect([buy.status, sell.status, buy.reason]).toEqual(['CANCELED', 'CANCELED', 'MARKET_SETTLED']);
    expect(amountText(settlement.paid)).toBe('1.75');
    expect(scene.cash).toEqual({ cash: '11.75', reserved: '0' });
    expect([amountText(scene.yes.held), amountText(scene.yes.promised)]).toEqual(['0', '0']);
    expect(scene.submit('BUY', '1', '0.4').reason).toBe('MARKET_CLOSED');
  });
});
