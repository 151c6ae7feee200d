import { newId, Transactions } from '@interlock/persistence';
import { MarketQuotes, type OrderIntent, type SubmitResult, type Venue, Venues } from '@interlock/venues';
import type { TestingModule } from '@nestjs/testing';
import { Client } from 'pg';
import { eventually } from '../support/eventually.js';
import { PaperMarket } from '../support/paper-market.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { startVenues } from '../support/venues-module.js';

let database: TestDatabase;
/** Two processes, as far as the database can tell. */
let modules: TestingModule[];
let venues: Venue[];
let venue: Venue;
let probe: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  modules = await Promise.all([startVenues(database.url), startVenues(database.url)]);
  venues = modules.map((module) => module.get(Venues).get('paper'));
  [venue] = venues as [Venue, Venue];
  probe = new Client({ connectionString: database.url });
  await probe.connect();
});
beforeEach(() => market().behave({}));
afterEach(() => probe.query('ROLLBACK'));
afterAll(async () => {
  await Promise.all(modules.map((module) => module.close()));
  await probe.end();
  await database.drop();
});

const market = (name: string = newId()) => new PaperMarket(modules[0] as TestingModule, name);
const send = (intent: OrderIntent, by = venue, sendBy = new Date(Date.now() + 20_000)): Promise<SubmitResult> =>
  by.submit(by.prepareOrder(intent), { signal: new AbortController().signal, sendBy });
const one = async <T>(query: string, parameters: unknown[] = []): Promise<T> =>
  (await probe.query<{ value: T }>(query, parameters)).rows[0]?.value as T;

/** The venue's records say the same wherever they say it. */
async function checkTheBooks(): Promise<void> {
  const { rows } = await probe.query<Record<string, string>>(`
    SELECT trim_scale(a.cash)::text AS cash, trim_scale(a.reserved)::text AS reserved, a.last_sequence::text AS sequence,
      trim_scale(10000 + coalesce((SELECT sum(CASE o.side WHEN 'BUY' THEN -f.notional ELSE f.notional END - f.fee)
        FROM paper_fills AS f JOIN paper_orders AS o ON o.id = f.order_id), 0)
        + coalesce((SELECT sum(paid) FROM paper_settlements), 0))::text AS "cashOfFills",
      trim_scale(coalesce((SELECT sum(reserved) FROM paper_orders), 0))::text AS "reservedByOrders",
      ((SELECT count(*) FROM paper_fills) + (SELECT count(*) FROM paper_settlements))::text AS numbered
    FROM paper_accounts AS a`);
  expect(rows[0]).toMatchObject({
    cash: rows[0]?.['cashOfFills'],
    reserved: rows[0]?.['reservedByOrders'],
    sequence: rows[0]?.['numbered'],
  });
  const wrong = await probe.query(`
    SELECT o.id FROM paper_orders AS o LEFT JOIN (SELECT order_id, sum(quantity) AS filled FROM paper_fills GROUP BY 1) AS f
      ON f.order_id = o.id WHERE o.filled_quantity <> coalesce(f.filled, 0)
    UNION ALL SELECT NULL FROM paper_positions AS p WHERE p.promised <> coalesce((SELECT sum(o.quantity - o.filled_quantity)
      FROM paper_orders AS o WHERE o.side = 'SELL' AND o.status IN ('OPEN', 'PARTIALLY_FILLED')
        AND o.market = p.market AND o.outcome = p.outcome), 0)`);
  expect(wrong.rows).toEqual([]);
}

describe('the paper venue under concurrency', () => {
  it('50 takers at once, in two processes, get exactly what is there', async () => {
    const rain = market();
    await rain.show([], [['0.5', '100']]);
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        send(rain.intent('BUY', '7', '0.5', { timeInForce: 'IOC' }), venues[i % 2] as Venue),
      ),
    );
    const filled = results.map((result) => (result.kind === 'ACCEPTED' ? result.order.filledQuantity : result.kind));
    expect(filled.filter((quantity) => quantity === '7')).toHaveLength(14);
    expect(filled.filter((quantity) => quantity === '2')).toHaveLength(1);
    expect(filled.filter((quantity) => quantity === 'KILLED')).toHaveLength(35);
    expect(await venue.getBook(rain.market, 'YES')).toMatchObject({ asks: [] });
    await checkTheBooks();
  });

  it('orders, trades, new books, cancels and a settlement all at once leave books that balance', async () => {
    const rain = market();
    await rain.show([['0.4', '20']], [['0.5', '300']]);
    await send(rain.intent('BUY', '200', '0.5'));
    const prices = ['0.39', '0.4', '0.45', '0.5', '0.55'];
    const price = (i: number) => prices[i % prices.length] ?? '0.4';
    const chaos = Array.from({ length: 120 }, async (_, i) => {
      const by = venues[i % 2] as Venue;
      switch (i % 6) {
        case 0:
          return rain.trade(i % 4 === 0 ? 'SELL' : 'BUY', '9', price(i));
        case 1:
          return rain.show([['0.4', '15']], [[price(i) === '0.4' ? '0.41' : '0.52', '11']]);
        case 2:
          return by.cancelAll({ market: rain.market, side: 'BUY' });
        case 3:
          return send(rain.intent('SELL', '3', price(i)), by);
        default:
          return send(rain.intent('BUY', '4', price(i), { timeInForce: i % 5 === 0 ? 'FOK' : 'GTC' }), by);
      }
    });
    await Promise.all(chaos);
    await checkTheBooks();
    const settled = await Promise.all([rain.settle('1', '0'), rain.settle('0', '1')]);
    expect(settled.map(({ kind }) => kind).toSorted()).toEqual(['market-closed', 'settled']);
    expect(await venue.listOpenOrders(rain.market)).toEqual([]);
    await checkTheBooks();
  });
});

describe('a crash at the paper venue', () => {
  it('O2 in the middle of an order leaves nothing of it', async () => {
    const rain = market();
    await rain.show([], [['0.5', '100']]);
    const before = await venue.getBalances();
    // The order is judged, and its fills are about to be written.
    await probe.query('BEGIN');
    await probe.query('LOCK TABLE paper_fills IN SHARE MODE');
    const intent = rain.intent('BUY', '7', '0.5');
    const result = send(intent);
    const pid = await eventually('it waits', () =>
      one<number | undefined>(
        `SELECT pid AS value FROM pg_locks WHERE NOT granted AND relation = 'paper_fills'::regclass`,
      ),
    );
    await probe.query('SELECT pg_terminate_backend($1)', [pid]);
    await probe.query('ROLLBACK');
    expect(await result).toMatchObject({ kind: 'UNKNOWN' });
    expect(await venue.resolve(intent.orderId, rain.market, new Date())).toEqual({ kind: 'NOT_FOUND' });
    expect(await venue.getBook(rain.market, 'YES')).toMatchObject({ asks: [{ price: '0.5', quantity: '100' }] });
    expect(await venue.getBalances()).toEqual(before);
    await checkTheBooks();
  });

  it('K2 an order that is held up on its way is lost rather than late', async () => {
    const rain = market();
    await rain.show([], []);
    await probe.query('BEGIN');
    await probe.query('SELECT FROM paper_accounts FOR UPDATE');
    const intent = rain.intent('BUY', '7', '0.5');
    const sendBy = new Date(Date.now() + 200);
    const result = send(intent, venue, sendBy);
    await eventually('it is long past its time', () => Date.now() > sendBy.getTime() + 1_500);
    await probe.query('ROLLBACK');
    expect(await result).toMatchObject({ kind: 'REJECTED', code: 'NOT_SENT' });
    expect(await venue.resolve(intent.orderId, rain.market, sendBy)).toEqual({ kind: 'NOT_FOUND' });
  });

  describe.each([
    ['ahead of', 3_600_000],
    ['behind', -3_600_000],
  ])('while the clock of this process is %s the database’s', (_, offMs) => {
    const rightNow = Date.now;
    beforeEach(() => {
      Date.now = () => rightNow() + offMs;
    });
    afterEach(() => {
      Date.now = rightNow;
    });

    it('K2 an order in time arrives, and one that is held up is lost rather than late', async () => {
      const rain = market();
      await rain.show([], []);
      expect(await send(rain.intent('BUY', '7', '0.5'))).toMatchObject({ kind: 'ACCEPTED' });
      await probe.query('BEGIN');
      await probe.query('SELECT FROM paper_accounts FOR UPDATE');
      const sendBy = new Date(Date.now() + 200);
      const result = send(rain.intent('BUY', '7', '0.5'), venue, sendBy);
      await eventually('it is long past its time', () => Date.now() > sendBy.getTime() + 1_500);
      await probe.query('ROLLBACK');
      expect(await result).toMatchObject({ kind: 'REJECTED', code: 'NOT_SENT' });
    });
  });
});

describe('the behaviour of the paper venue', () => {
  it('has its latency, and acknowledges late after the timeout, while the order is there', async () => {
    const rain = market();
    await rain.show([], []);
    await rain.behave({ latencyMs: 300 });
    const begin = performance.now();
    expect(await send(rain.intent('BUY', '7', '0.5'))).toMatchObject({ kind: 'ACCEPTED' });
    expect(performance.now() - begin).toBeGreaterThanOrEqual(290);
    await rain.behave({ acknowledgement: 'late' });
    expect(await send(rain.intent('BUY', '7', '0.5'))).toMatchObject({ kind: 'UNKNOWN' });
    expect(await venue.listOpenOrders(rain.market)).toHaveLength(2);
  });

  it('refuses the same orders for the same seed, whatever process they come from', async () => {
    const rain = market();
    await rain.show([], []);
    const luck = async () => {
      await rain.behave({ rejectRate: 0.5, seed: 42 });
      const kinds: string[] = [];
      for (let i = 0; i < 20; i += 1) kinds.push((await send(rain.intent('BUY', '1', '0.01'), venues[i % 2])).kind);
      return kinds;
    };
    const first = await luck();
    expect(await luck()).toEqual(first);
    expect(new Set(first).size).toBe(2);
  });

  it('in mode cancel-only cancels, and takes nothing in', async () => {
    const rain = market();
    await rain.show([], []);
    await send(rain.intent('BUY', '7', '0.5'));
    await rain.behave({ mode: 'cancel-only' });
    expect(await venue.health()).toMatchObject({ state: 'CANCEL_ONLY' });
    expect(await send(rain.intent('BUY', '7', '0.5'))).toMatchObject({ code: 'VENUE_CANCEL_ONLY' });
    expect(await venue.cancelAll({ market: rain.market })).toMatchObject({ canceled: [{ status: 'CANCELED' }] });
  });

  it('a GTD order ends by the clock of the database, and gives back what it held', async () => {
    const rain = market();
    await rain.show([], []);
    const { reserved } = await venue.getBalances();
    const now = await one<Date>('SELECT clock_timestamp() AS value');
    const expiresAt = new Date(now.getTime() + 4_000);
    const intent = rain.intent('BUY', '7', '0.5', { timeInForce: 'GTD', expiresAt });
    expect(await send(intent)).toMatchObject({ kind: 'ACCEPTED', order: { status: 'OPEN' } });
    await eventually('it has ended', async () => (await venue.listOpenOrders(rain.market)).length === 0, 20_000);
    expect(await venue.resolve(intent.orderId, rain.market, now)).toMatchObject({ order: { status: 'EXPIRED' } });
    expect((await venue.getBalances()).reserved).toBe(reserved);
    expect(await rain.trade('SELL', '10', '0.1')).toMatchObject({ filledQuantity: '0' });
  });
});

describe("the guards' view of the paper venue", () => {
  it('changes with the book, in its transaction; our own trades make it no newer', async () => {
    const rain = market();
    await rain.show([['0.4', '3']], [['0.5', '7'], ['0.6', '1']], { rules: 'polymarket', feeRate: '0.1' }); // prettier-ignore
    const key = { venue: 'paper', market: rain.market };
    const keys = ['YES', 'NO'].map((outcome) => ({ ...key, outcome }));
    const [quotes, transactions] = [modules[0]?.get(MarketQuotes), modules[0]?.get(Transactions)];
    const read = () => transactions?.run(async (tx) => quotes?.read(tx, keys));
    const before = await read();
    expect(before?.find(({ outcome }) => outcome === 'YES')).toMatchObject({
      bestBid: '0.4',
      bestBidQuantity: '3',
      bestAsk: '0.5',
      bestAskQuantity: '7',
      tick: '0.01',
      status: 'OPEN',
      fees: { rules: 'polymarket', feeRate: '0.1', feeExponent: 1 },
    });
    expect(before?.find(({ outcome }) => outcome === 'NO')).toMatchObject({ bestBid: null, bestAsk: null });
    await send(rain.intent('BUY', '7', '0.5'));
    const after = (await read())?.find(({ outcome }) => outcome === 'YES');
    expect(after).toMatchObject({ bestBid: '0.4', bestAsk: '0.6', bestAskQuantity: '1' });
    expect(after?.updatedAt).toEqual(before?.find(({ outcome }) => outcome === 'YES')?.updatedAt);
    await rain.settle('1', '0');
    expect((await read())?.map(({ status }) => status)).toEqual(['CLOSED', 'CLOSED']);
  });
});
