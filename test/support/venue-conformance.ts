import {
  FROM_THE_START,
  isAtOrPast,
  type OrderIntent,
  type PreparedOrder,
  type Side,
  type SubmitResult,
  type Venue,
  type VenueFill,
  type VenueOrderReference,
  VenueUnreachable,
} from '@interlock/venues';
import { eventually } from './eventually.js';
import type { Levels } from './paper-market.js';

/** A venue under test, and a hand on the other side of it. Nobody else trades on its account. */
export interface VenueScene {
  readonly venue: Venue;
  /** Makes a market of its own with this book of outcome YES. */
  market(bids: Levels, asks: Levels): Promise<string>;
  /** Others trade with each other in outcome YES. */
  trade(market: string, side: Side, quantity: string, price: string): Promise<unknown>;
  settle(market: string, payouts: { YES: string; NO: string }): Promise<unknown>;
  /** The venue takes orders and never says so; null where that cannot be had. */
  loseAnswers: (() => Promise<unknown>) | null;
  /** Nothing reaches the venue; null where that cannot be had. */
  cutOff: (() => Promise<unknown>) | null;
  /** Everything as it should be. */
  restore(): Promise<unknown>;
  intent(market: string, side: Side, quantity: string, price: string | null, more?: Partial<OrderIntent>): OrderIntent;
  close(): Promise<void>;
}

const soon = () => new Date(Date.now() + 5_000);
const calm = () => ({ signal: new AbortController().signal, sendBy: soon() });

/** What every adapter of the port must keep, whatever the venue behind it. */
export function describeVenue(name: string, open: () => Promise<VenueScene>): void {
  describe(`the port's promises, kept by ${name}`, () => {
    let scene: VenueScene;
    let venue: Venue;
    beforeAll(async () => {
      scene = await open();
      venue = scene.venue;
    });
    afterEach(() => scene.restore());
    afterAll(() => scene.close());

    const send = (intent: OrderIntent): Promise<SubmitResult> => venue.submit(venue.prepareOrder(intent), calm());
    const sent = async (intent: OrderIntent): Promise<VenueOrderReference> => {
      const result = await send(intent);
      if (result.kind !== 'ACCEPTED') throw new Error(`not accepted: ${JSON.stringify(result)}`);
      const { venueOrderId } = result.order;
      return { dedupeKey: venue.prepareOrder(intent).dedupeKey, market: intent.market, venueOrderId };
    };
    const working = async (market: string) =>
      (await venue.listOpenOrders(market)).map(({ venueOrderId }) => venueOrderId);
    const fillsOf = async (market: string): Promise<VenueFill[]> => {
      const all: VenueFill[] = [];
      for (let since = FROM_THE_START, hasMore = true; hasMore;) {
        const page = await venue.listFills(since);
        all.push(...page.fills);
        ({ watermark: since, hasMore } = page);
      }
      return all.filter((fill) => fill.market === market);
    };

    it('says what it can do and how it is', async () => {
      expect(venue.capabilities()).toEqual(venue.capabilities());
      expect(venue.capabilities().readLagMs).toBeGreaterThanOrEqual(0);
      expect(await venue.health()).toMatchObject({ state: 'OPEN' });
    });

    it('lists markets and shows books, best level first', async () => {
      const market = await scene.market([['0.3', '5'], ['0.4', '7']], [['0.6', '2'], ['0.5', '3']]); // prettier-ignore
      expect(await venue.getMarket(market)).toMatchObject({ market, outcomes: ['YES', 'NO'], status: 'OPEN' });
      expect(await venue.getMarket('no-such-market')).toBeNull();
      const book = await venue.getBook(market, 'YES');
      expect(book?.bids.map(({ price }) => price)).toEqual(['0.4', '0.3']);
      expect(book?.asks.map(({ price }) => price)).toEqual(['0.5', '0.6']);
      expect(await venue.getBook(market, 'MAYBE')).toBeNull();
      const names: string[] = [];
      for (let cursor: string | null | undefined; cursor !== null;) {
        const page = await venue.listMarkets(cursor ?? undefined);
        names.push(...page.markets.map((listed) => listed.market));
        cursor = page.nextCursor;
      }
      expect(names).toContain(market);
    });

    it('O1 prepares an order without sending it, into plain JSON', async () => {
      const market = await scene.market([], []);
      const prepared = venue.prepareOrder(scene.intent(market, 'BUY', '5', '0.4'));
      expect(JSON.parse(JSON.stringify(prepared))).toEqual(prepared);
      expect(await working(market)).toEqual([]);
    });

    it('sends what was stored, by way of JSON', async () => {
      const market = await scene.market([], []);
      const expiresAt = new Date(Date.now() + 3_600_000);
      const prepared = venue.prepareOrder(scene.intent(market, 'BUY', '5', '0.4', { timeInForce: 'GTD', expiresAt }));
      const stored = JSON.parse(JSON.stringify(prepared)) as PreparedOrder;
      const result = await venue.submit(stored, calm());
      expect(result).toMatchObject({
        kind: 'ACCEPTED',
        order: { dedupeKey: prepared.dedupeKey, market, side: 'BUY', price: '0.4', quantity: '5', status: 'OPEN' },
      });
    });

    it('tells fills once and in order, with all that is to be booked', async () => {
      const market = await scene.market([], [['0.5', '3'], ['0.51', '9']]); // prettier-ignore
      const { watermark } = await venue.listFills(FROM_THE_START);
      const order = await sent(scene.intent(market, 'BUY', '5', '0.51'));
      const fills = await fillsOf(market);
      expect(fills.map(({ price, quantity }) => [price, quantity])).toEqual([['0.5', '3'], ['0.51', '2']]); // prettier-ignore
      expect(fills[0]).toMatchObject({ ...order, outcome: 'YES', side: 'BUY', liquidity: 'TAKER' });
      const page = await venue.listFills(watermark);
      expect(page.fills.filter((fill) => fill.market === market)).toEqual(fills);
      expect(isAtOrPast(page.watermark, watermark)).toBe(true);
      expect(await venue.listFills(page.watermark)).toMatchObject({ fills: [], hasMore: false });
      expect(await venue.getPositions()).toContainEqual({ market, outcome: 'YES', quantity: '5' });
    });

    it('tells what it refuses and what it kills, with certainty', async () => {
      const market = await scene.market([['0.4', '5']], [['0.5', '3']]);
      const refused = (more: Partial<OrderIntent>) => send(scene.intent(market, 'BUY', '5', '0.5', more));
      expect(await refused({ postOnly: true })).toMatchObject({ kind: 'REJECTED', code: 'POST_ONLY_WOULD_TRADE' });
      expect(await refused({ market: 'no-such-market' })).toMatchObject({ kind: 'REJECTED', code: 'UNKNOWN_MARKET' });
      expect(await refused({ price: '0.4999' })).toMatchObject({ kind: 'REJECTED', code: 'INVALID_TICK' });
      expect(await refused({ quantity: '0.001' })).toMatchObject({ kind: 'REJECTED', code: 'BELOW_MINIMUM_SIZE' });
      expect(await refused({ quantity: '900000000' })).toMatchObject({ kind: 'REJECTED', code: 'INSUFFICIENT_CASH' });
      expect(await refused({ timeInForce: 'FOK' })).toMatchObject({ kind: 'KILLED', reason: 'FOK_NOT_FILLED' });
      const sell = scene.intent(market, 'SELL', '5', '0.4');
      expect(await send(sell)).toMatchObject({ kind: 'REJECTED', code: 'INSUFFICIENT_POSITION' });
      expect(await fillsOf(market)).toEqual([]);
      expect(await working(market)).toEqual([]);
    });

    it('K2 lets no byte leave after the send-by time, nor once sending was called off', async () => {
      const market = await scene.market([], []);
      const late = venue.prepareOrder(scene.intent(market, 'BUY', '5', '0.4'));
      const calledOff = venue.prepareOrder(scene.intent(market, 'BUY', '5', '0.4'));
      const past = new Date(Date.now() - 1);
      expect(await venue.submit(late, { ...calm(), sendBy: past })).toMatchObject({ code: 'NOT_SENT' });
      const aborted = { sendBy: soon(), signal: AbortSignal.abort() };
      expect(await venue.submit(calledOff, aborted)).toMatchObject({ kind: 'REJECTED', code: 'NOT_SENT' });
      expect(await venue.resolve(late.dedupeKey, market, past)).toEqual({ kind: 'NOT_FOUND' });
      expect(await working(market)).toEqual([]);
    });

    it('O2 makes one order of a key that is sent often, at once and one after the other', async () => {
      if (!venue.capabilities().clientIdIdempotency) return;
      const market = await scene.market([], [['0.5', '4']]);
      const prepared = venue.prepareOrder(scene.intent(market, 'BUY', '5', '0.5'));
      const results = await Promise.all(Array.from({ length: 8 }, () => venue.submit(prepared, calm())));
      results.push(await venue.submit(prepared, calm()));
      const ids = results.map((result) => (result.kind === 'ACCEPTED' ? result.order.venueOrderId : result.kind));
      expect(new Set(ids).size).toBe(1);
      expect(await working(market)).toEqual([ids[0]]);
      expect((await fillsOf(market)).map(({ quantity }) => quantity)).toEqual(['4']);
    });

    it('cancels one order, once, and says how much had been filled', async () => {
      const market = await scene.market([], [['0.5', '2']]);
      const order = await sent(scene.intent(market, 'BUY', '5', '0.5'));
      const expected = { status: 'CANCELED', filledQuantity: '2' };
      expect(await venue.cancel(order)).toMatchObject({ kind: 'CANCELED', order: expected });
      expect(await venue.cancel(order)).toMatchObject({ kind: 'ALREADY_FINISHED', order: expected });
      expect(await working(market)).toEqual([]);
      const unknown = { dedupeKey: '01a20000-0000-7000-8000-000000000000', market, venueOrderId: null };
      expect(await venue.cancel(unknown)).toEqual({ kind: 'NOT_FOUND' });
    });

    it('cancels by the key alone when no answer ever told an id', async () => {
      const market = await scene.market([], []);
      const order = await sent(scene.intent(market, 'BUY', '5', '0.5'));
      expect(await venue.cancel({ ...order, venueOrderId: null })).toMatchObject({ kind: 'CANCELED' });
    });

    it('K4 cancels a scope, neither more nor less', async () => {
      const market = await scene.market([], [['0.5', '5']]);
      const other = await scene.market([], []);
      await sent(scene.intent(market, 'BUY', '5', '0.5'));
      const [buy, low, sell, elsewhere] = [
        await sent(scene.intent(market, 'BUY', '2', '0.3')),
        await sent(scene.intent(market, 'BUY', '2', '0.2')),
        await sent(scene.intent(market, 'SELL', '2', '0.9')),
        await sent(scene.intent(other, 'BUY', '2', '0.3')),
      ];
      const canceled = async (scope: Parameters<Venue['cancelAll']>[0]) => {
        const result = await venue.cancelAll(scope);
        expect(result).toMatchObject({ isComplete: true, failed: [], unknown: [] });
        return result.canceled.map(({ venueOrderId }) => venueOrderId);
      };
      expect(await canceled({ dedupeKeys: [low.dedupeKey] })).toEqual([low.venueOrderId]);
      expect(await canceled({ market, side: 'BUY' })).toEqual([buy.venueOrderId]);
      expect(await working(market)).toEqual([sell.venueOrderId]);
      expect(await canceled({})).toEqual(expect.arrayContaining([sell.venueOrderId, elsewhere.venueOrderId]));
      expect(await venue.listOpenOrders()).toEqual([]);
      expect(await canceled({})).toEqual([]);
    });

    it('holds cash and shares for what works, and gives them back', async () => {
      const market = await scene.market([], []);
      const before = await venue.getBalances();
      const order = await sent(scene.intent(market, 'BUY', '10', '0.4'));
      const during = await venue.getBalances();
      expect(during.cash).toBe(before.cash);
      expect(Number(during.reserved) - Number(before.reserved)).toBeGreaterThanOrEqual(4 - 1e-9);
      await venue.cancel(order);
      expect(await venue.getBalances()).toEqual(before);
    });

    it('fills what rests when others trade through it', async () => {
      const market = await scene.market([['0.4', '5']], []);
      await sent(scene.intent(market, 'BUY', '5', '0.4'));
      await scene.trade(market, 'SELL', '100', '0.39');
      await eventually('the fill', async () => (await fillsOf(market)).length > 0);
      expect(await fillsOf(market)).toMatchObject([{ price: '0.4', quantity: '5', liquidity: 'MAKER' }]);
    });

    it('settles: nothing works, everything is paid, and no fill comes after it', async () => {
      const market = await scene.market([], [['0.5', '4']]);
      const { watermark } = await venue.listSettlements(FROM_THE_START);
      await sent(scene.intent(market, 'BUY', '9', '0.5'));
      const before = await venue.getBalances();
      await scene.settle(market, { YES: '0.25', NO: '0.75' });
      const { settlements } = await venue.listSettlements(watermark);
      expect(settlements).toMatchObject([{ market, payouts: { YES: '0.25', NO: '0.75' } }]);
      expect(await working(market)).toEqual([]);
      expect(Number((await venue.getBalances()).cash) - Number(before.cash)).toBeCloseTo(1, 8);
      expect((await venue.getPositions()).filter((position) => position.market === market)).toEqual([]);
      const read = (await venue.listFills(FROM_THE_START)).watermark;
      expect(isAtOrPast(read, settlements[0]?.fillsUpTo ?? '0')).toBe(true);
      expect(await send(scene.intent(market, 'BUY', '1', '0.5'))).toMatchObject({ code: 'MARKET_CLOSED' });
    });

    it('O2 an answer that does not come is UNKNOWN, and the order is found by its key', async () => {
      if (scene.loseAnswers === null) return;
      const market = await scene.market([], [['0.5', '4']]);
      await scene.loseAnswers();
      const intent = scene.intent(market, 'BUY', '5', '0.5');
      const since = new Date();
      expect(await send(intent)).toMatchObject({ kind: 'UNKNOWN' });
      const { dedupeKey } = venue.prepareOrder(intent);
      expect(await venue.resolve(dedupeKey, market, since)).toMatchObject({
        kind: 'FOUND',
        order: { dedupeKey, filledQuantity: '4', status: 'PARTIALLY_FILLED' },
      });
      expect(await venue.cancel({ dedupeKey, market, venueOrderId: null })).toMatchObject({ kind: 'CANCELED' });
    });

    it('O2 calling off the wait for an answer does not call off the order', async () => {
      if (scene.loseAnswers === null) return;
      const market = await scene.market([], []);
      await scene.loseAnswers();
      const waiting = new AbortController();
      const intent = scene.intent(market, 'BUY', '5', '0.5');
      const result = venue.submit(venue.prepareOrder(intent), { signal: waiting.signal, sendBy: soon() });
      await eventually('it is there', async () => (await working(market)).length === 1);
      waiting.abort();
      expect(await result).toMatchObject({ kind: 'UNKNOWN' });
    });

    it('out of reach nothing is claimed: reads fail, sends and cancels are unknown', async () => {
      if (scene.cutOff === null) return;
      const market = await scene.market([], []);
      const order = await sent(scene.intent(market, 'BUY', '5', '0.5'));
      await scene.cutOff();
      expect(await send(scene.intent(market, 'BUY', '5', '0.5'))).toMatchObject({ kind: 'UNKNOWN' });
      expect(await venue.cancel(order)).toMatchObject({ kind: 'UNKNOWN' });
      expect(await venue.cancelAll({})).toMatchObject({ isComplete: false, canceled: [] });
      expect(await venue.health()).toMatchObject({ state: 'UNREACHABLE' });
      const reads = [
        () => venue.listMarkets(),
        () => venue.getMarket(market),
        () => venue.getBook(market, 'YES'),
        () => venue.resolve(order.dedupeKey, market, new Date()),
        () => venue.listOpenOrders(),
        () => venue.listFills(FROM_THE_START),
        () => venue.getPositions(),
        () => venue.getBalances(),
        () => venue.listSettlements(FROM_THE_START),
        () => venue.beat(),
      ];
      for (const read of reads) await expect(read()).rejects.toThrow(VenueUnreachable);
      await scene.restore();
      expect(await working(market)).toEqual([order.venueOrderId]);
    });
  });
}
