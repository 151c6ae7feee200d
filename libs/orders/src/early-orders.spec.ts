import type { Transaction } from '@interlock/persistence';
import { SetRiskLimits } from '@interlock/risk-guards';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { TestingModule } from '@nestjs/testing';
import { Client } from 'pg';
import { eventually } from '../../../test/support/eventually.js';
import { orderRequest } from '../../../test/support/order-request.js';
import { startOrders } from '../../../test/support/orders-module.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/test-database.js';
import { CheckLedger } from './check-ledger.js';
import { Orders } from './orders.repository.js';
import { type OrderRequest, type PlaceOrderResult, PlaceOrders } from './place-orders.js';

/**
 * The first batch of a process stores what it has judged; the next ones are stored while they are judged, as the one before lets expect.
 * Each case makes that expectation wrong in another way.
 */
let database: TestDatabase;
let module: TestingModule;
let probe: Client;
let storedAtOnce: number[];

beforeEach(async () => {
  database = await createTestDatabase();
  module = await startOrders(database.url, { ORDER_RATE_LIMIT_PER_MIN: '1000' });
  probe = new Client({ connectionString: database.url });
  await probe.connect();
  await probe.query(`
    INSERT INTO venue_conditions (venue, state, reconciled_at, updated_at) VALUES ('paper', 'OPEN', now(), 'infinity');
    INSERT INTO accounts (venue, mode, cash) VALUES ('paper', 'paper', 1000);
    INSERT INTO postings (kind, mode, venue, account, shares, cash, cost, realized, fees, capital, booked_at)
    VALUES ('DEPOSIT', 'paper', 'paper', 'default', 0, 1000, 0, 0, 0, -1000, now());
    INSERT INTO market_quotes (venue, market, outcome, best_bid, best_bid_quantity, best_ask, best_ask_quantity, tick, minimum_quantity,
                               status, rules, fee_rate, fee_exponent, updated_at)
    SELECT 'paper', market, 'YES', 0.48, 100, 0.52, 100, 0.01, 5, 'OPEN', 'polymarket', 0.04, 1, clock_timestamp()
    FROM unnest('{m,n}'::text[]) AS market`);
  storedAtOnce = [];
  const orders = module.get(Orders);
  const admit = orders.admit.bind(orders);
  orders.admit = (tx, admitted, channel) => {
    storedAtOnce.push(admitted.length);
    return admit(tx, admitted, channel);
  };
});

afterEach(async () => {
  await module.close();
  await probe.end();
  await database.drop();
});

const place = (...orders: Partial<OrderRequest>[]): Promise<PlaceOrderResult[]> =>
  module.get(CommandBus).execute(new PlaceOrders(orders.map(orderRequest), 'tester'));
const kindsOf = (results: PlaceOrderResult[]) =>
  results.map((result) => (result.kind === 'refused' ? result.refusal.code : result.kind));

async function expectBooksInStep(workingOrders: number): Promise<void> {
  expect(await module.get(QueryBus).execute(new CheckLedger())).toMatchObject({ differences: [], workingOrders });
  const { rows } = await probe.query<{ admitted: string; counted: string; numbered: string }>(
    `SELECT (SELECT count(*) FROM orders) AS admitted, (SELECT sum(orders) FROM admissions) AS counted,
            (SELECT newest FROM admission_counters WHERE scope = 'mode:paper') AS numbered`,
  );
  expect(rows).toEqual([
    { admitted: String(workingOrders), counted: String(workingOrders), numbered: String(workingOrders) },
  ]);
}

describe('O5 orders that are stored while they are judged', () => {
  it('are stored once when all goes as expected', async () => {
    expect(kindsOf(await place({}, { price: '0.49' }))).toEqual(['admitted', 'admitted']);
    expect(kindsOf(await place({}, { market: 'm', price: '0.48' }, { price: '0.47' }))).toEqual(
      Array(3).fill('admitted'),
    );
    expect(storedAtOnce).toEqual([2, 3]);
    await expectBooksInStep(5);
  });

  it('are taken back and stored as judged when some are refused; the refusal is told', async () => {
    await place({});
    expect(kindsOf(await place({}, { quantity: '1' }, { price: '0.49' }))).toEqual([
      'admitted',
      'BELOW_MINIMUM_SIZE',
      'admitted',
    ]);
    expect(storedAtOnce).toEqual([1, 3, 2]);
    await expectBooksInStep(3);
    const { rows } = await probe.query(
      `SELECT details->>'rule' AS rule FROM ops_events WHERE event = 'order_rejected'`,
    );
    expect(rows).toEqual([{ rule: 'minimumSize' }]);
    // While orders are refused nothing is expected.
    await place({ quantity: '1' });
    await place({});
    expect(storedAtOnce).toEqual([1, 3, 2, 1]);
  });

  it('leave nothing behind when all are refused', async () => {
    await place({});
    expect(kindsOf(await place({ quantity: '1' }, { quantity: '2' }))).toEqual(Array(2).fill('BELOW_MINIMUM_SIZE'));
    await expectBooksInStep(1);
  });

  it('K2 leave nothing behind when the switch is on', async () => {
    await place({});
    await probe.query(
      `INSERT INTO kill_switches (scope, enabled, level, version, updated_at, updated_by) VALUES ('global', true, 'halt', 1, now(), 'tester')
       ON CONFLICT (scope) DO UPDATE SET enabled = true, level = 'halt', version = kill_switches.version + 1`,
    );
    expect(kindsOf(await place({}, {}))).toEqual(['kill-switch', 'kill-switch']);
    await expectBooksInStep(1);
  });

  it('reserve the fee that the market charges by now', async () => {
    await place({ market: 'm' }, { market: 'n' });
    await probe.query(`UPDATE market_quotes SET fee_rate = 0.08 WHERE market = 'n'`);
    await place({ market: 'm' }, { market: 'n' });
    const { rows } = await probe.query(
      'SELECT market, trim_scale(fee_reserve)::text AS fee FROM orders ORDER BY id OFFSET 2',
    );
    expect(rows).toEqual([
      { market: 'm', fee: '0.1' },
      { market: 'n', fee: '0.2' },
    ]);
    await expectBooksInStep(4);
  });

  it.each([
    ['duplicate', '60000', 'global', '0.5', 'DUPLICATE_ORDER'],
    ['openOrders', '3', 'global', '0.47', 'MAX_OPEN_ORDERS_EXCEEDED'],
    ['openOrders', '3', 'market:m', '0.47', 'MAX_OPEN_ORDERS_EXCEEDED'],
  ] as const)('G1 do not stand in their own way, when %s of %s in %s has been set since', async (...given) => {
    const [rule, value, scope, lastPrice, refusal] = given;
    await place({});
    const set = new SetRiskLimits([{ rule, scope, limit: value }], 'for the test', 'tester');
    await module.get(CommandBus).execute(set);
    const results = await place({ price: '0.49' }, { price: '0.48' }, { price: lastPrice });
    expect(kindsOf(results)).toEqual(['admitted', 'admitted', refusal]);
    await expectBooksInStep(3);
  });

  it('one client order id makes one order', async () => {
    await place({ clientOrderId: 'a' });
    expect(kindsOf(await place({ clientOrderId: 'a' }, { clientOrderId: 'b' }, { clientOrderId: 'b' }))).toEqual([
      'replayed',
      'admitted',
      'replayed',
    ]);
    expect(storedAtOnce).toEqual([1, 1]);
    await expectBooksInStep(2);
  });

  it.each([
    ['nothing', null],
    ['a confirmation', (tx: Transaction) => tx.query<void>('SELECT 1')],
  ])('a row that somebody makes at that moment is found by a second try, with %s sent behind', async (_, confirm) => {
    await place({});
    const other = new Client({ connectionString: database.url });
    await other.connect();
    await other.query('BEGIN');
    await other.query(
      `INSERT INTO positions (strategy, venue, market, outcome, mode, quantity, cost_basis) VALUES ('beta', 'paper', 'm', 'YES', 'paper', 0, 0)`,
    );
    const placing = module
      .get(CommandBus)
      .execute(new PlaceOrders([orderRequest({ strategy: 'beta' })], 'tester', null, confirm));
    await eventually('the admission waits for the row', async () => {
      const { rowCount } = await probe.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return rowCount !== 0;
    });
    await other.query('COMMIT');
    await other.end();
    expect(kindsOf(await placing)).toEqual(['admitted']);
    await expectBooksInStep(2);
  });
});

it('G1 orders have the time for which their minute was counted', async () => {
  await place({}, { price: '0.49' });
  const { rows: times } = await probe.query<{ equal: boolean }>(
    'SELECT o.created_at = a.at AS equal FROM orders AS o CROSS JOIN admissions AS a',
  );
  expect(times).toEqual([{ equal: true }, { equal: true }]);
  await probe.query(`UPDATE admissions SET at = at - interval '65 seconds'`);
  await probe.query(`UPDATE admission_counters SET newest_at = newest_at - interval '65 seconds'`);
  const rateAt = async (ago: number): Promise<unknown> => {
    const { rows } = await probe.query<{ state: { rates: unknown } }>(
      `SELECT read_order_state(clock_timestamp() - $1 * interval '1 second', '{paper}', '{}', '{}', '{}', '{}', '{}', '{}', NULL, NULL,
                               '[]', false, NULL) AS state`,
      [ago],
    );
    return rows[0]?.state.rates;
  };
  expect(await rateAt(10)).toEqual([['paper', 2]]);
  expect(await rateAt(0)).toEqual([['paper', 0]]);
});

it('K2 orders are stored nowhere but in the transaction that was opened for them', async () => {
  const order = { ...orderRequest(), id: '01900000-0000-7000-8000-000000000000', mode: 'paper', account: 'default' };
  const storing = probe.query(`SELECT admit_orders($1, '[]', '[]', '[]', 'orders')`, [
    JSON.stringify([{ ...order, feeReserve: '0' }]),
  ]);
  await expect(storing).rejects.toThrow('orders are stored in the transaction that was opened for them');
  expect((await probe.query('SELECT FROM orders')).rowCount).toBe(0);
});
