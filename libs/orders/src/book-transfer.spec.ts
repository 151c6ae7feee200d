import { amount, Transactions } from '@interlock/persistence';
import { GetRisk, RiskDays, SetRiskLimits } from '@interlock/risk-guards';
import { CommandBus, type Query, QueryBus } from '@nestjs/cqrs';
import type { TestingModule } from '@nestjs/testing';
import { Client } from 'pg';
import { orderRequest } from '../../../test/support/order-request.js';
import { startOrders } from '../../../test/support/orders-module.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/test-database.js';
import { BookTransfer, type BookTransferResult, type TransferWish } from './book-transfer.js';
import { CheckLedger } from './check-ledger.js';
import { GetPnl } from './get-pnl.js';
import { Ledger } from './ledger/ledger.js';
import { type OrderRequest, PlaceOrders } from './place-orders.js';

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
    venue_conditions, market_quotes, losing_streaks, day_highs, ops_events CASCADE`);
  await probe.query(
    `INSERT INTO venue_conditions (venue, state, reconciled_at, updated_at) VALUES ('paper', 'OPEN', now(), 'infinity')`,
  );
  await probe.query(
    `INSERT INTO market_quotes (venue, market, outcome, best_bid, best_bid_quantity, best_ask, best_ask_quantity, tick, minimum_quantity,
                                status, rules, fee_rate, fee_exponent, updated_at)
     VALUES ('paper', 'm', 'YES', 0.48, 100, 0.52, 100, 0.01, 5, 'OPEN', 'free', 0, 1, clock_timestamp())`,
  );
  const opened = { venue: 'paper', account: 'default', mode: 'paper' as const };
  await transact((tx) => ledger().openAccount(tx, { ...opened, cash: amount('100') }));
});

const ledger = (): Ledger => replicas[0]!.get(Ledger);
const transact: Transactions['run'] = (work) => replicas[0]!.get(Transactions).run(work);
const query = <R>(asked: Query<R>): Promise<R> => replicas[0]!.get(QueryBus).execute(asked);

let lastKey = 0;
/** A deposit of 25 under a key of its own, unless told. */
function transfer(rest: Partial<TransferWish> = {}, replica = 0): Promise<BookTransferResult> {
  const idempotencyKey = `key-${++lastKey}`;
  const wish = { venue: 'paper', account: 'default', amount: '25', reason: 'from the bank', idempotencyKey, ...rest };
  return replicas[replica]!.get(CommandBus).execute(new BookTransfer(wish, { name: 'rita', source: 'api' }));
}

async function place(rest: Partial<OrderRequest> = {}, replica = 0) {
  const request = orderRequest(rest);
  const [result] = await replicas[replica]!.get(CommandBus).execute(new PlaceOrders([request], 'tester'));
  return result;
}

/** Places an order and books that it was filled. */
async function trade(side: 'BUY' | 'SELL', price: string): Promise<void> {
  const placed = await place({ side, price });
  if (placed?.kind !== 'admitted') throw new Error(JSON.stringify(placed));
  const { orderId } = placed.order;
  await transact(async (tx) => {
    await ledger().changeStatus(tx, [{ orderId, to: 'SUBMITTED' }]);
    const told = { venueTradeId: orderId, executedAt: new Date(), liquidity: 'TAKER', finality: 'FINAL' } as const;
    await ledger().bookFills(tx, [{ orderId, price, quantity: '10', fee: '0.1', ...told }]);
  });
}

async function account(): Promise<{ cash: string; reserved: string }> {
  const { rows } = await probe.query<{ cash: string; reserved: string }>(
    'SELECT trim_scale(cash)::text AS cash, trim_scale(reserved)::text AS reserved FROM accounts',
  );
  return rows[0]!;
}

const postings = async () => (await query(new CheckLedger())).postings;

it('O5 books deposits and withdrawals to the last digit, as balanced postings with who and why', async () => {
  const deposit = await transfer({ amount: '25.00000001', idempotencyKey: 'wire-1' });
  expect(deposit).toEqual({
    kind: 'booked',
    transfer: {
      transferId: expect.any(String),
      venue: 'paper',
      account: 'default',
      amount: '25.00000001',
      cash: '125.00000001',
      reason: 'from the bank',
      idempotencyKey: 'wire-1',
      bookedBy: 'rita',
      bookedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    },
  });
  expect(await transfer({ amount: '-125.00000001' })).toMatchObject({ kind: 'booked', transfer: { cash: '0' } });
  expect(await transfer({ amount: '-0.00000001' })).toMatchObject({ kind: 'not-free' });
  const { rows } = await probe.query(
    `SELECT kind, trim_scale(p.cash)::text AS cash, trim_scale(capital)::text AS capital, t.reason
     FROM postings AS p LEFT JOIN transfers AS t ON t.posting = p.number ORDER BY p.number`,
  );
  expect(rows).toEqual([
    { kind: 'DEPOSIT', cash: '100', capital: '-100', reason: null },
    { kind: 'DEPOSIT', cash: '25.00000001', capital: '-25.00000001', reason: 'from the bank' },
    { kind: 'DEPOSIT', cash: '-125.00000001', capital: '125.00000001', reason: 'from the bank' },
  ]);
  const events = await probe.query(
    `SELECT event, severity, source, actor, reason, details FROM ops_events WHERE event = 'transfer_booked' ORDER BY id`,
  );
  expect(events.rows).toHaveLength(2);
  expect(events.rows[0]).toMatchObject({
    severity: 'warning',
    source: 'api',
    actor: 'rita',
    reason: 'from the bank',
    details: {
      scope: 'venue:paper',
      account: 'default',
      amount: '25.00000001',
      cashBefore: '100',
      cash: '125.00000001',
      reserved: '0',
      idempotencyKey: 'wire-1',
    },
  });
  expect(await query(new CheckLedger())).toMatchObject({ postings: 3, differences: [] });
});

it('O5 books once under one key, however often and from however many processes it is asked to', async () => {
  const wish = { idempotencyKey: 'wire-2', amount: '-30' };
  const results = await Promise.all(Array.from({ length: 12 }, (_, n) => transfer(wish, n % 2)));
  expect(results.map(({ kind }) => kind).toSorted()).toEqual(['booked', ...Array<string>(11).fill('replayed')]);
  const ids = results.map((one) => ('transfer' in one ? one.transfer.transferId : one.kind));
  expect(new Set(ids).size).toBe(1);
  expect(await account()).toEqual({ cash: '70', reserved: '0' });
  // The first reason stays; the same amount in another notation is the same.
  expect(await transfer({ ...wish, amount: '-30.0', reason: 'again' })).toMatchObject({
    kind: 'replayed',
    transfer: { amount: '-30', cash: '70', reason: 'from the bank' },
  });
  expect(await transfer({ ...wish, amount: '30' })).toEqual({ kind: 'key-reused', transferId: ids[0] });
  expect(await postings()).toBe(2);
});

it('refuses to leave less than working orders reserve, with both numbers', async () => {
  await place({ price: '0.5', quantity: '100' });
  expect(await transfer({ amount: '-50.00000001' })).toEqual({
    kind: 'not-free',
    cash: '49.99999999',
    reserved: '50',
  });
  expect([await account(), await postings()]).toEqual([{ cash: '100', reserved: '50' }, 1]);
  expect(await transfer({ amount: '-50' })).toMatchObject({ kind: 'booked' });
  expect(await place({ quantity: '5' })).toMatchObject({ kind: 'refused', refusal: { code: 'INSUFFICIENT_CASH' } });
  // A deposit is never refused, and can be ordered with at once.
  expect(await transfer({ amount: '2.5' })).toMatchObject({ kind: 'booked' });
  expect(await place({ quantity: '5' })).toMatchObject({ kind: 'admitted' });
});

it('G1 never lets withdrawals and orders take the same cash', async () => {
  const rounds = Array.from({ length: 20 }, (_, n) => [
    place({ quantity: '20' }, n % 2), // 10 each
    transfer({ amount: '-10' }, (n + 1) % 2),
  ]);
  const results = await Promise.all(rounds.flat());
  const taken = results.filter((one) => one?.kind === 'admitted' || one?.kind === 'booked');
  expect(taken).toHaveLength(10);
  const { cash, reserved } = await account();
  expect(cash).toBe(reserved);
  expect(await query(new CheckLedger())).toMatchObject({ differences: [] });
});

it('books nothing on an account that the ledger does not have, or whose cash is no longer what was seen', async () => {
  expect(await transfer({ account: 'other' })).toEqual({ kind: 'unknown-account' });
  expect(await transfer({ venue: 'elsewhere' })).toEqual({ kind: 'unknown-account' });
  expect(await transfer({ expectedCash: '99' })).toEqual({ kind: 'cash-changed', cash: '100' });
  expect(await postings()).toBe(1);
  const seen = { expectedCash: '100.0' };
  const results = await Promise.all([transfer(seen, 0), transfer(seen, 1), transfer(seen, 0)]);
  expect(results.map(({ kind }) => kind).toSorted()).toEqual(['booked', 'cash-changed', 'cash-changed']);
});

it('is no profit and no loss: results, daily loss, drawdown and streaks do not see it', async () => {
  const rules = ['dailyLoss', 'totalDailyLoss', 'drawdown', 'losingStreak'] as const;
  const limits = rules.map((rule) => ({ rule, scope: 'mode:paper', limit: '50' }));
  await replicas[0]!.get(CommandBus).execute(new SetRiskLimits(limits, 'for the test', 'rita'));
  await trade('BUY', '0.52');
  await trade('SELL', '0.48');
  await place(); // keeps the day's high
  const seen = async () => {
    const { items } = await query(new GetRisk());
    const told = items.filter(({ rule, scope }) => rules.some((one) => one === rule) && scope.includes('paper'));
    return { told, pnl: await query(new GetPnl({})) };
  };
  const before = await seen();
  expect(before.told.length).toBeGreaterThanOrEqual(rules.length);
  expect(before.told).toContainEqual(expect.objectContaining({ rule: 'dailyLoss', current: '0.6' }));
  for (const moved of ['1000', '-900', '-100']) {
    expect(await transfer({ amount: moved })).toMatchObject({ kind: 'booked' });
    await place({ quantity: '5' });
    expect(await seen()).toEqual(before);
  }
  // Today's sums rebuilt from the journal, as when the zone of days changes.
  await transact((tx) => replicas[0]!.get(RiskDays).adopt(tx, 'Asia/Kolkata'));
  expect(await seen()).toMatchObject({ told: before.told });
  await transact((tx) => replicas[0]!.get(RiskDays).adopt(tx, 'UTC'));
  expect(await query(new CheckLedger())).toMatchObject({ differences: [] });
});
