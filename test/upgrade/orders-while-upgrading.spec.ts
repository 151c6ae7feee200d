import { PlaceOrders } from '@interlock/orders';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { Client } from 'pg';
import { CheckLedger } from '../../libs/orders/src/check-ledger.js';
import { migrations } from '../../libs/persistence/src/migrations/index.js';
import { orderRequest } from '../support/order-request.js';
import { startOrders } from '../support/orders-module.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { migrateTo } from './earlier-release.js';

/** The last migration of the release before this one. */
const RELEASE_BEFORE = 'FasterAdmission1764000000014';
/** Locks and readings that trip over nothing, and what an order of its strategy `beta` is stored by, as that release sends them. */
const OPEN = 'SELECT open_order_admission($1::text[], $2::jsonb, $3::jsonb, $4, $5) AS opened';
const ADMIT = 'SELECT admit_orders($1::json, $2::json, $3) AS times';

let database: TestDatabase;
let client: Client;

afterEach(async () => {
  await client.end();
  await database.drop();
});

async function connectTo(options: { empty?: boolean }): Promise<void> {
  database = await createTestDatabase(options);
  client = new Client({ connectionString: database.url });
  await client.connect();
}

async function functions(): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT proname || '(' || pg_get_function_identity_arguments(oid) || ')' AS name FROM pg_proc
     WHERE pronamespace = 'public'::regnamespace ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

it('no function that programs of the release before call goes away under them', async () => {
  await connectTo({ empty: true });
  await migrateTo(database.url, migrations.findIndex(({ name }) => name === RELEASE_BEFORE) + 1);
  const before = await functions();
  expect(before).not.toHaveLength(0);
  await migrateTo(database.url, migrations.length);
  expect(await functions()).toEqual(expect.arrayContaining(before));
}, 60_000);

it('G1, O5 orders of both releases are counted and reserved for together', async () => {
  await connectTo({});
  const module = await startOrders(database.url);
  try {
    await client.query(`
      INSERT INTO venue_conditions (venue, state, reconciled_at, updated_at) VALUES ('paper', 'OPEN', now(), 'infinity');
      INSERT INTO accounts (venue, mode, cash) VALUES ('paper', 'paper', 0);
      INSERT INTO market_quotes (venue, market, outcome, best_bid, best_bid_quantity, best_ask, best_ask_quantity, tick, minimum_quantity,
                                 status, rules, fee_rate, fee_exponent, updated_at)
      VALUES ('paper', 'm', 'YES', 0.48, 100, 0.52, 100, 0.01, 5, 'OPEN', 'free', 0, 1, clock_timestamp());
      UPDATE accounts SET cash = 1000;
      INSERT INTO postings (kind, mode, venue, account, shares, cash, cost, realized, fees, capital, booked_at)
      VALUES ('DEPOSIT', 'paper', 'paper', 'default', 0, 1000, 0, 0, 0, -1000, now())`);
    for (let round = 1; round <= 3; round += 1) {
      const [placed] = await module.get(CommandBus).execute(new PlaceOrders([orderRequest()], 'tester'));
      expect(placed).toMatchObject({ kind: 'admitted' });
      // Two at once, as that release stores a batch.
      expect(await admitAsBefore()).toBe(3 * round - 2);
    }
    const { rows } = await client.query<{ number: string }>(
      'SELECT generate_series(number - orders + 1, number) AS number FROM admissions ORDER BY 1',
    );
    expect(rows.map(({ number }) => Number(number))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await module.get(QueryBus).execute(new CheckLedger())).toMatchObject({ differences: [], workingOrders: 9 });
  } finally {
    await module.close();
  }
}, 60_000);

/** @returns how many orders of the last minute were read under the lock */
async function admitAsBefore(): Promise<number> {
  const place = { strategy: 'beta', mode: 'paper', venue: 'paper', account: 'default', market: 'm', outcome: 'YES' };
  await client.query('BEGIN');
  const { rows } = await client.query<{ opened: { state: { rates: [string, number][] } } }>(OPEN, [
    ['global', 'mode:paper', 'strategy:beta', 'venue:paper'],
    JSON.stringify([{ ...place, side: 'BUY' }]),
    '[]',
    true,
    null,
  ]);
  const terms = { side: 'BUY', type: 'limit', price: '0.4', quantity: '10', timeInForce: 'GTC', expiresAt: null };
  const rest = { postOnly: false, reduceOnly: false, clientOrderId: null, runId: null, feeReserve: '0' };
  const { rows: ids } = await client.query<{ id: string }>(
    'SELECT gen_random_uuid() AS id FROM generate_series(1, 2) AS n',
  );
  const orders = ids.map(({ id }) => ({ id, ...place, ...terms, ...rest }));
  const change = { ...place, orders: 1, heldCost: '0', cash: '0', buy: '10', sell: '0', cost: '4', reserved: '4' };
  await client.query(ADMIT, [JSON.stringify(orders), JSON.stringify(orders.map(() => change)), 'orders']);
  await client.query('COMMIT');
  return rows[0]?.opened.state.rates[0]?.[1] ?? -1;
}
