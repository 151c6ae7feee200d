import { Transactions, type Transaction } from '@interlock/persistence';
import { SetRiskLimits } from '@interlock/risk-guards';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { TestingModule } from '@nestjs/testing';
import { Client } from 'pg';
import { orderRequest } from '../support/order-request.js';
import { startOrders } from '../support/orders-module.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { RiskWatchRows } from '../../libs/risk-guards/src/risk-watch.repository.js';
import { GetPnl } from '../../libs/orders/src/get-pnl.js';
import { ListOrders } from '../../libs/orders/src/list-orders.js';
import { PlaceOrders } from '../../libs/orders/src/place-orders.js';
import { readLedgerSide } from '../../libs/orders/src/reconciliation/ledger-side.js';

const MANY = 30_000;
/** Far fewer than a table of so many rows has, and than an index of theirs. */
const FEW_BLOCKS = 100;
const CONNECTIONS = 2;

let database: TestDatabase;
let module: TestingModule;
let probe: Client;
let blocksOfSmallPlans: number;

beforeAll(async () => {
  database = await createTestDatabase();
  module = await startOrders(database.url, { DATABASE_POOL_MAX: String(CONNECTIONS) });
  probe = new Client({ connectionString: database.url });
  await probe.connect();
  // Sales of the paper venue rest at every price of the market that the live order is for.
  await probe.query(`
    INSERT INTO venue_conditions (venue, state, reconciled_at, updated_at) VALUES ('exchange', 'OPEN', now(), 'infinity');
    INSERT INTO accounts (venue, mode, cash) VALUES ('exchange', 'live', 1000);
    INSERT INTO market_quotes (venue, market, outcome, best_bid, best_bid_quantity, best_ask, best_ask_quantity, tick, minimum_quantity,
                               status, rules, fee_rate, fee_exponent, updated_at)
    VALUES ('exchange', 'm', 'YES', 0.48, 100, 0.52, 100, 0.001, 5, 'OPEN', 'free', 0, 1, clock_timestamp());
    INSERT INTO orders (id, strategy, mode, venue, market, outcome, side, type, price, quantity, time_in_force, fee_reserve, status)
      SELECT gen_random_uuid(), 'alpha', 'paper', 'paper', 'm', 'YES', 'SELL', 'limit', (1 + n % 999) / 1000.0, 10, 'GTC', 0, 'OPEN'
      FROM generate_series(1, ${MANY}) AS n;`);
  // Plans are made now, by each connection, when all that is known of the positions is how few there are.
  await probe.query('ANALYZE');
  await limitDrawdown();
  await module.get(Transactions).run(() => place());
  await place();
  await probe.query(`
    INSERT INTO positions (strategy, venue, market, outcome, mode, quantity, cost_basis)
      SELECT 's' || n % 10, 'exchange', 'market ' || n, 'YES', 'live', 0, 0 FROM generate_series(1, ${MANY}) AS n`);
  await told();
  blocksOfSmallPlans = await blocksOf('positions', place);
  await probe.query('ANALYZE');
  await probe.query('VACUUM');
  await told();
}, 60_000);

afterAll(async () => {
  await module.close();
  await probe.end();
  await database.drop();
});

/** What the probe itself has looked at counts from now on, and not later. */
const told = () => probe.query('SELECT pg_stat_force_next_flush()');

/** Blocks of the table and of its indexes that `work` looks at, told once its connection has said so. */
async function blocksOf(table: 'orders' | 'positions', work: () => Promise<unknown>): Promise<number> {
  const flush = () =>
    module.get(Transactions).run((tx) => tx.query('SELECT pg_stat_force_next_flush(), pg_sleep(0.05)'));
  const read = async () => {
    // At the same time, so that each connection says what it has looked at.
    await Promise.all(Array.from({ length: CONNECTIONS }, flush));
    const { rows } = await probe.query<{ blocks: string }>(
      `SELECT heap_blks_read + heap_blks_hit + coalesce(idx_blks_read + idx_blks_hit, 0) AS blocks
       FROM pg_statio_user_tables WHERE relname = $1`,
      [table],
    );
    return Number(rows[0]?.blocks);
  };
  const before = await read();
  await work();
  return (await read()) - before;
}

const place = () => module.get(CommandBus).execute(new PlaceOrders([orderRequest({ venue: 'exchange' })], 'tester'));

/** Open positions are valued with every order. */
const limitDrawdown = () =>
  module
    .get(CommandBus)
    .execute(new SetRiskLimits([{ rule: 'drawdown', scope: 'global', limit: '1000' }], 'for the test', 'tester'));

const inTransaction = (work: (tx: Transaction) => Promise<unknown>) => () => module.get(Transactions).run(work);

describe('G3 cost does not grow with what others have', () => {
  it('an order is compared with its own account only, however many orders of others rest in its market', async () => {
    await place();
    expect(await blocksOf('orders', place)).toBeLessThan(FEW_BLOCKS);
  });

  it("a venue's orders are listed without looking at those of others", async () => {
    const list = () => module.get(QueryBus).execute(new ListOrders({ venue: 'exchange' }, 50));
    expect(await blocksOf('orders', list)).toBeLessThan(FEW_BLOCKS);
  });

  it('positions are looked up one by one, also by plans that were made while there were few', () => {
    expect(blocksOfSmallPlans).toBeLessThan(FEW_BLOCKS);
  });

  const watch = () => module.get(RiskWatchRows);
  it.each([
    ['the reconciliation', inTransaction((tx) => readLedgerSide(tx, { venue: 'exchange', account: 'default' }, []))],
    ['the watch over losses', inTransaction((tx) => watch().losses(tx))],
    ["the watch over the day's highs", inTransaction((tx) => watch().keepHighs(tx))],
    ['profit and loss', () => module.get(QueryBus).execute(new GetPnl({}))],
  ])('%s passes over positions in which nothing is held', async (_, work) => {
    expect(await blocksOf('positions', work)).toBeLessThan(FEW_BLOCKS);
  });
});
