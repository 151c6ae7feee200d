import { randomUUID } from 'node:crypto';
import { Transactions } from '@interlock/persistence';
import { SetRiskLimits } from '@interlock/risk-guards';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { TestingModule } from '@nestjs/testing';
import { Client } from 'pg';
import { orderRequest } from '../../../test/support/order-request.js';
import { startOrders } from '../../../test/support/orders-module.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/test-database.js';
import { CheckLedger } from './check-ledger.js';
import { Ledger } from './ledger/ledger.js';
import { type OrderRequest, type PlaceOrderResult, PlaceOrders } from './place-orders.js';

let database: TestDatabase;
let replicas: TestingModule[];
let probe: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  const environment = { ORDER_RATE_LIMIT_PER_MIN: '1000000' };
  replicas = [await startOrders(database.url, environment), await startOrders(database.url, environment)];
  probe = new Client({ connectionString: database.url });
  await probe.connect();
});

afterAll(async () => {
  await probe.end();
  await Promise.all(replicas.map((module) => module.close()));
  await database.drop();
});

beforeEach(async () => {
  await probe.query(`TRUNCATE postings, fills, orders, positions, exposures, accounts, daily_results, admissions, admission_counters,
    venue_conditions, market_quotes, losing_streaks, day_highs, kill_switches, ops_events, runs CASCADE`);
  await probe.query(
    `DELETE FROM risk_limits WHERE source = 'person'; DELETE FROM risk_limits_off; UPDATE risk_limits_version SET version = 1`,
  );
  await probe.query(
    `INSERT INTO venue_conditions (venue, state, reconciled_at, updated_at) SELECT venue, 'OPEN', now(), 'infinity' FROM unnest('{paper,exchange}'::text[]) AS venue`,
  );
  await probe.query(
    `INSERT INTO accounts (venue, mode, cash) VALUES ('paper', 'paper', 10000), ('exchange', 'live', 10000)`,
  );
  for (const venue of ['paper', 'exchange']) await quote({ venue });
});

async function quote({
  venue = 'paper',
  market = 'm',
  outcome = 'YES',
  bid = '0.48',
  ask = '0.52',
  status = 'OPEN',
  age = 0,
  closesIn = null as number | null,
} = {}) {
  await probe.query(
    `INSERT INTO market_quotes (venue, market, outcome, best_bid, best_bid_quantity, best_ask, best_ask_quantity, tick, minimum_quantity,
                                status, closes_at, rules, fee_rate, fee_exponent, updated_at)
     VALUES ($1, $2, $3, $4, 100, $5, 100, 0.01, 5, $6, clock_timestamp() + $8 * interval '1 ms', 'free', 0, 1,
             clock_timestamp() - $7 * interval '1 ms')
     ON CONFLICT (venue, market, outcome) DO UPDATE SET best_bid = excluded.best_bid, best_ask = excluded.best_ask,
       status = excluded.status, closes_at = excluded.closes_at, updated_at = excluded.updated_at`,
    [venue, market, outcome, bid, ask, status, age, closesIn],
  );
}

const place = (orders: readonly OrderRequest[], replica = 0): Promise<PlaceOrderResult[]> =>
  replicas[replica]!.get(CommandBus).execute(new PlaceOrders(orders, 'tester'));
const placeOne = async (rest: Partial<OrderRequest> = {}, replica = 0): Promise<PlaceOrderResult> =>
  (await place([orderRequest(rest)], replica))[0]!;
const limit = (rule: string, value: string | null, scope = 'global') =>
  replicas[0]!
    .get(CommandBus)
    .execute(new SetRiskLimits([{ rule: rule as 'position', scope, limit: value }], 'for the test', 'tester'));
const outcomeOf = (result: PlaceOrderResult): string => (result.kind === 'refused' ? result.refusal.code : result.kind);
const held = (quantity: string, strategy = 'alpha') =>
  probe.query(
    `WITH p AS (INSERT INTO positions (strategy, venue, market, outcome, mode, quantity, cost_basis)
       VALUES ($2, 'paper', 'm', 'YES', 'paper', $1::numeric, $1::numeric * 0.5))
     INSERT INTO exposures (mode, strategy, held_cost) VALUES ('paper', $2, $1::numeric * 0.5)`,
    [quantity, strategy],
  );

describe('placing orders', () => {
  it('stores an admitted order with what it reserves', async () => {
    const result = await placeOne({ quantity: '10.50', price: '0.5', clientOrderId: 'first' });
    expect(result).toMatchObject({
      kind: 'admitted',
      order: { status: 'ADMITTED', mode: 'paper', quantity: '10.5', price: '0.5', filledQuantity: '0', version: 1 },
    });
    const { rows } = await probe.query('SELECT trim_scale(working_cost)::text AS cost, working_orders FROM exposures');
    expect(rows).toEqual([{ cost: '5.25', working_orders: 1 }]);
    expect((await replicas[0]!.get(QueryBus).execute(new CheckLedger())).differences.map(({ what }) => what)).toEqual([
      'cash of exchange default', // the test's own money has no posting
      'cash of paper default',
    ]);
  });

  it('judges a batch one after the other, over what the ones before have changed', async () => {
    await limit('openOrders', '2');
    const results = await place([
      orderRequest(),
      orderRequest({ quantity: '1' }),
      orderRequest({ venue: 'nowhere' }),
      orderRequest({ market: 'other' }),
      orderRequest({ price: '0.51' }),
      orderRequest({ price: '0.49' }),
    ]);
    expect(results.map(outcomeOf)).toEqual([
      'admitted',
      'BELOW_MINIMUM_SIZE',
      'invalid',
      'invalid',
      'admitted',
      'MAX_OPEN_ORDERS_EXCEEDED',
    ]);
  });

  it('one client order id makes one order, over replicas, whatever is repeated', async () => {
    const results = await Promise.all(Array.from({ length: 40 }, (_, n) => placeOne({ clientOrderId: 'key' }, n % 2)));
    expect(results.filter(({ kind }) => kind === 'admitted')).toHaveLength(1);
    expect(new Set(results.map((result) => ('order' in result ? result.order.orderId : '')))).toHaveProperty('size', 1);
    expect(outcomeOf(await placeOne({ clientOrderId: 'key', quantity: '11' }))).toBe('key-reused');
    expect(outcomeOf(await placeOne({ clientOrderId: 'key', strategy: 'beta', price: '0.49' }))).toBe('admitted');
    const twice = await place([orderRequest({ clientOrderId: 'new' }), orderRequest({ clientOrderId: 'new' })]);
    expect(twice.map(({ kind }) => kind)).toEqual(['admitted', 'replayed']);
  });

  it('K2 K7 halt lets nothing through, reduce what makes a position smaller', async () => {
    await held('20');
    const level = (text: string, scope: string) =>
      probe.query(
        `INSERT INTO kill_switches (scope, enabled, level, version, updated_at, updated_by) VALUES ($2, true, $1, 1, now(), 'tester')`,
        [text, scope],
      );
    await level('reduce', 'venue:paper');
    expect(outcomeOf(await placeOne())).toBe('kill-switch');
    expect(outcomeOf(await placeOne({ side: 'SELL', quantity: '15' }))).toBe('admitted');
    expect(outcomeOf(await placeOne({ side: 'SELL', quantity: '6' }))).toBe('INSUFFICIENT_POSITION');
    await level('halt', 'strategy:alpha');
    expect(await placeOne({ side: 'SELL', quantity: '5' })).toMatchObject({
      kind: 'kill-switch',
      killSwitch: { scope: 'strategy:alpha', level: 'halt' },
    });
    expect(outcomeOf(await placeOne({ venue: 'exchange', strategy: 'beta' }))).toBe('LIMIT_NOT_CONFIGURED');
  });

  it('raises one bounded event for refusals, and one for a limit that is nearly reached', async () => {
    await limit('openOrders', '5', 'strategy:gamma');
    for (let n = 0; n < 8; n++) await placeOne({ strategy: 'gamma', price: `0.4${n}` });
    const { rows } = await probe.query(
      `SELECT event, reason, details->>'rule' AS rule FROM ops_events WHERE event <> 'limit_changed' ORDER BY id`,
    );
    expect(rows).toMatchObject([
      { event: 'limit_nearly_reached', rule: 'openOrders', reason: 'openOrders in strategy:gamma has reached 4 of 5' },
      { event: 'order_rejected', rule: 'openOrders' },
    ]);
  });
});

describe('G4 what is not known blocks', () => {
  it.each([
    ['the venue was not reconciled', 'UPDATE venue_conditions SET reconciled_at = NULL'],
    ['no limits were ever set', 'UPDATE risk_limits_version SET version = 0'],
    ['the venue is down', `UPDATE venue_conditions SET state = 'UNREACHABLE'`],
    [
      'a limit is no rule',
      `INSERT INTO risk_limits (rule, scope, value, source) VALUES ('nonsense', 'global', 1, 'person')`,
    ],
  ])('%s', async (_, damage) => {
    await probe.query(damage);
    const result = await placeOne().catch((error: unknown) => ({ kind: 'unavailable', message: String(error) }));
    expect(result).toMatchObject({ kind: 'unavailable' });
    expect((await probe.query('SELECT FROM orders')).rowCount).toBe(0);
  });
});

describe('G5 each rule refuses with rule, current value and limit, and allows up to its boundary', () => {
  const cases: [string, () => Promise<unknown>, Partial<OrderRequest>, Partial<OrderRequest>, object][] = [
    [
      'orderQuantity',
      () => limit('orderQuantity', '10'),
      { quantity: '10' },
      { quantity: '10.00000001' },
      {
        code: 'MAX_ORDER_QUANTITY_EXCEEDED',
        details: { rule: 'orderQuantity', scope: 'mode:paper', current: '10.00000001', limit: '10' },
      },
    ],
    [
      'orderValue',
      () => limit('orderValue', '5', 'venue:paper'),
      {},
      { quantity: '10.1' },
      {
        code: 'MAX_ORDER_VALUE_EXCEEDED',
        details: { rule: 'orderValue', scope: 'venue:paper', current: '5.05', limit: '5' },
      },
    ],
    [
      'orderValue of a market order counts at 1',
      () => limit('orderValue', '10', 'market:m'),
      {},
      { type: 'market', price: null, timeInForce: 'IOC', quantity: '11' },
      { code: 'MAX_ORDER_VALUE_EXCEEDED', details: { current: '11' } },
    ],
    [
      'position',
      () => limit('position', '5'),
      {},
      { price: '0.01' },
      { code: 'MAX_POSITION_EXCEEDED', details: { rule: 'position', scope: 'mode:paper', current: '5.1', limit: '5' } },
    ],
    [
      'position in a market',
      () => limit('position', '5', 'market:m'),
      {},
      { price: '0.01' },
      { code: 'MAX_POSITION_EXCEEDED', details: { scope: 'market:m', current: '5.1' } },
    ],
    [
      'exposure',
      () => limit('exposure', '7'),
      {},
      { price: '0.49' },
      { code: 'EXPOSURE_LIMIT_EXCEEDED', details: { rule: 'exposure', current: '9.9' } },
    ],
    [
      'openOrders of a strategy',
      () => limit('openOrders', '1', 'strategy:alpha'),
      {},
      { price: '0.49' },
      { code: 'MAX_OPEN_ORDERS_EXCEEDED', details: { scope: 'strategy:alpha', current: '1' } },
    ],
    [
      'openOrders of a venue',
      () => limit('openOrders', '1', 'venue:paper'),
      {},
      { strategy: 'beta', price: '0.49' },
      { code: 'MAX_OPEN_ORDERS_EXCEEDED', details: { scope: 'venue:paper', current: '1' } },
    ],
    [
      'orderRate',
      () => limit('orderRate', '1', 'mode:paper'),
      {},
      { price: '0.49' },
      { code: 'ORDER_RATE_LIMIT_EXCEEDED', details: { rule: 'orderRate', current: '1', limit: '1' } },
    ],
    [
      'orderRate of a strategy',
      () => limit('orderRate', '1', 'strategy:alpha'),
      {},
      { price: '0.49' },
      { code: 'ORDER_RATE_LIMIT_EXCEEDED', details: { scope: 'strategy:alpha', current: '1' } },
    ],
    [
      'messageRate',
      () => limit('messageRate', '1'),
      {},
      { price: '0.49' },
      { code: 'ORDER_RATE_LIMIT_EXCEEDED', details: { rule: 'messageRate', current: '1' } },
    ],
    [
      'priceCollar',
      () => limit('priceCollar', '0.05'),
      { price: '0.55' },
      { price: '0.56' },
      { code: 'PRICE_COLLAR_EXCEEDED', details: { rule: 'priceCollar', current: '0.06', limit: '0.05' } },
    ],
    [
      'priceCollar without a price',
      () => limit('priceCollar', '0.05'),
      {},
      { type: 'market', price: null, timeInForce: 'IOC' },
      { code: 'PRICE_COLLAR_EXCEEDED' },
    ],
    [
      'tick',
      async () => undefined,
      { price: '0.51' },
      { price: '0.515' },
      { code: 'INVALID_TICK', details: { current: '0.515', limit: '0.01' } },
    ],
    [
      'minimumSize',
      async () => undefined,
      { quantity: '5' },
      { quantity: '4.99' },
      { code: 'BELOW_MINIMUM_SIZE', details: { limit: '5' } },
    ],
    [
      'duplicate',
      () => limit('duplicate', '60000'),
      {},
      { clientOrderId: 'another' },
      { code: 'DUPLICATE_ORDER', details: { rule: 'duplicate', limit: '60000' } },
    ],
    [
      'selfMatch',
      () => held('20'),
      { side: 'SELL', price: '0.6' },
      { price: '0.6' },
      { code: 'SELF_MATCH', details: { rule: 'selfMatch', current: '0.6', limit: '0.6' } },
    ],
    [
      'cash',
      () => probe.query('UPDATE accounts SET cash = 6'),
      {},
      { price: '0.49' },
      { code: 'INSUFFICIENT_CASH', details: { rule: 'cash', current: '4.9', limit: '1' } },
    ],
    [
      'holding',
      () => held('12'),
      { side: 'SELL' },
      { side: 'SELL', quantity: '5' },
      { code: 'INSUFFICIENT_POSITION', details: { rule: 'holding', current: '5', limit: '2' } },
    ],
    [
      'reduceOnly',
      () => held('12'),
      { side: 'SELL', reduceOnly: true },
      { side: 'SELL', quantity: '5', reduceOnly: true },
      { code: 'REDUCE_ONLY_VIOLATION', details: { rule: 'reduceOnly' } },
    ],
    ['reduceOnly of a purchase', async () => undefined, {}, { reduceOnly: true }, { code: 'REDUCE_ONLY_VIOLATION' }],
  ];

  it.each(cases)('%s', async (_, prepare, allowed, refused, expected) => {
    await prepare();
    expect(outcomeOf(await placeOne(allowed))).toBe('admitted');
    expect(await placeOne(refused, 1)).toMatchObject({ kind: 'refused', refusal: expected });
  });

  it('marketStatus, marketCloses and marketDataAge', async () => {
    await limit('marketCloses', '60000');
    await limit('marketDataAge', '5000');
    await quote({ closesIn: 120_000 });
    expect(outcomeOf(await placeOne())).toBe('admitted');
    await quote({ closesIn: 30_000 });
    expect(await placeOne()).toMatchObject({
      refusal: { code: 'MARKET_CLOSED', details: { rule: 'marketCloses', limit: '60000' } },
    });
    await quote({ age: 6_000 });
    expect(await placeOne()).toMatchObject({
      refusal: { code: 'MARKET_DATA_STALE', details: { rule: 'marketDataAge', limit: '5000' } },
    });
    await quote({ status: 'PAUSED' });
    expect(await placeOne()).toMatchObject({
      refusal: { code: 'MARKET_CLOSED', details: { rule: 'marketStatus', current: 'PAUSED', limit: 'OPEN' } },
    });
  });

  it('losses block, but never the way out of a position', async () => {
    await held('20');
    const book = (realized: string) =>
      probe.query(
        `INSERT INTO daily_results (mode, day, strategy, realized, loss) VALUES ('paper', risk_day_of(clock_timestamp()), 'alpha', -$1::numeric, $1)
         ON CONFLICT (mode, day, strategy) DO UPDATE SET loss = excluded.loss, realized = excluded.realized`,
        [realized],
      );
    await limit('dailyLoss', '100');
    await book('99.99999999');
    expect(outcomeOf(await placeOne())).toBe('admitted');
    await book('100');
    expect(await placeOne()).toMatchObject({
      refusal: { code: 'RISK_LIMIT_EXCEEDED', details: { rule: 'dailyLoss', current: '100' } },
    });
    expect(outcomeOf(await placeOne({ side: 'SELL', price: '0.6', quantity: '5' }))).toBe('RISK_LIMIT_EXCEEDED');
    expect(outcomeOf(await placeOne({ side: 'SELL', price: '0.6', quantity: '5', reduceOnly: true }))).toBe('admitted');
    await limit('dailyLoss', '1000');
    // 20 shares that cost 10 are worth 9.6 at the bid: 100.4 lost in all.
    await limit('totalDailyLoss', '100.4');
    expect(await placeOne()).toMatchObject({
      refusal: { code: 'RISK_LIMIT_EXCEEDED', details: { rule: 'totalDailyLoss', current: '100.4' } },
    });
    await limit('totalDailyLoss', '100.5');
    await limit('drawdown', '0.3');
    await quote({ bid: '0.5' });
    // The day's high is seen with the first order that is judged: −100.
    await book('99');
    expect(outcomeOf(await placeOne({ price: '0.45' }))).toBe('DRAWDOWN_EXCEEDED');
    await limit('drawdown', '200');
    expect(outcomeOf(await placeOne({ price: '0.45' }))).toBe('admitted');
  });

  it('a losing streak blocks until a person sets the limit again; an order that loses in several fills counts once', async () => {
    await limit('losingStreak', '2');
    const ledger = replicas[0]!.get(Ledger);
    const lose = async (...bookings: (readonly string[])[]) => {
      await held('20').catch(() => undefined);
      const sale = await placeOne({ side: 'SELL', price: '0.4', quantity: '6', reduceOnly: true });
      const orderId = 'order' in sale ? sale.order.orderId : '';
      const run = replicas[0]!.get(Transactions);
      await run.run((tx) => ledger.changeStatus(tx, [{ orderId, to: 'SUBMITTED' }]));
      for (const quantities of bookings) {
        const trade = {
          price: '0.4',
          fee: '0',
          liquidity: 'TAKER',
          finality: 'FINAL',
          executedAt: new Date(),
        } as const;
        const fills = quantities.map((quantity) => ({ orderId, venueTradeId: randomUUID(), quantity, ...trade }));
        await run.run((tx) => ledger.bookFills(tx, fills));
      }
    };
    await lose(['1', '2'], ['3']);
    expect((await probe.query('SELECT losses FROM losing_streaks')).rows).toEqual([{ losses: 1 }]);
    await lose(['6']);
    expect(await placeOne()).toMatchObject({
      refusal: { code: 'LOSING_STREAK', details: { current: '2', limit: '2' } },
    });
    await limit('losingStreak', '2');
    expect(outcomeOf(await placeOne())).toBe('admitted');
  });

  it("a running run's maxPosition caps its strategy", async () => {
    await probe.query(`INSERT INTO runs (id, status, mode, dry_run, max_position, pipeline, strategy, input, attempt)
      SELECT gen_random_uuid(), status, 'paper', false, cap, 'python', 'alpha', '{}', 1
      FROM (VALUES ('RUNNING', 9), ('RUNNING', 7), ('COMPLETED', 1)) AS r(status, cap)`);
    expect(outcomeOf(await placeOne())).toBe('admitted');
    expect(await placeOne({ price: '0.49' })).toMatchObject({
      refusal: { code: 'EXPOSURE_LIMIT_EXCEEDED', details: { scope: 'strategy:alpha', current: '9.9', limit: '7' } },
    });
    expect(outcomeOf(await placeOne({ price: '0.49', strategy: 'beta' }))).toBe('admitted');
  });

  it('a tighter limit acts on the next order in every process', async () => {
    expect(outcomeOf(await placeOne({}, 1))).toBe('admitted');
    await limit('openOrders', '1', 'market:m');
    expect(outcomeOf(await placeOne({ price: '0.49' }, 1))).toBe('MAX_OPEN_ORDERS_EXCEEDED');
  });
});

describe('G1 exact under concurrency, over two replicas', () => {
  it.each([
    ['orderRate', '100', 'global'],
    ['orderRate', '100', 'strategy:alpha'],
    ['messageRate', '100', 'global'],
    ['openOrders', '100', 'global'],
    ['openOrders', '100', 'market:m'],
    ['position', '500', 'global'],
    ['exposure', '500', 'global'],
  ])(
    '%s of %s in %s: 1,000 concurrent orders against room for 100 admit exactly 100, five times',
    async (rule, value, scope) => {
      await limit(rule, value, scope);
      for (let round = 0; round < 5; round++) {
        await probe.query('TRUNCATE orders, positions, exposures, admissions, admission_counters CASCADE');
        await probe.query('UPDATE accounts SET reserved = 0');
        const results = await Promise.all(Array.from({ length: 1_000 }, (_, n) => placeOne({}, n % 2)));
        expect(results.filter(({ kind }) => kind === 'admitted')).toHaveLength(100);
        const { rows } = await probe.query<{ number: string }>(
          'SELECT generate_series(number - orders + 1, number) AS number FROM admissions ORDER BY 1',
        );
        expect(rows.map(({ number }) => Number(number))).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
      }
    },
    120_000,
  );

  it('cash and shares are given out once', async () => {
    await probe.query('UPDATE accounts SET cash = 500');
    const buys = await Promise.all(Array.from({ length: 400 }, (_, n) => placeOne({}, n % 2)));
    expect(buys.filter(({ kind }) => kind === 'admitted')).toHaveLength(100);
    await probe.query('TRUNCATE orders, positions, exposures CASCADE');
    await held('500');
    const sales = await Promise.all(
      Array.from({ length: 400 }, (_, n) => placeOne({ side: 'SELL', quantity: '5' }, n % 2)),
    );
    expect(sales.filter(({ kind }) => kind === 'admitted')).toHaveLength(100);
  }, 60_000);

  it('what a batch takes is what is reserved, to the last digit', async () => {
    await probe.query('UPDATE accounts SET cash = 0.10000001');
    // Each is worth 0.0500000001 and reserves 0.05000001.
    const results = await place([
      orderRequest({ price: '0.01', quantity: '5.00000001' }),
      orderRequest({ price: '0.01', quantity: '5.00000001' }),
    ]);
    expect(results).toMatchObject([
      { kind: 'admitted' },
      { refusal: { code: 'INSUFFICIENT_CASH', details: { current: '0.05000001', limit: '0.05' } } },
    ]);
  });
});
