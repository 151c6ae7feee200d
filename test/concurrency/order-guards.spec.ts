import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Client } from 'pg';
import { orderRequest } from '../support/order-request.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

/** `INTERLOCK_ORDER_ROUNDS=100` is the proof in full; it takes some minutes. */
const ROUNDS = Number(process.env['INTERLOCK_ORDER_ROUNDS'] ?? 2);
const PROCESSES = 2;
const ORDERS = 1_000;
const ROOM = 100;
/** Each costs 5. */
const BUY = orderRequest();
const SELL = { ...BUY, side: 'SELL' };

type Answers = Record<string, number>;

let database: TestDatabase;
let placers: ChildProcess[];
let probe: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  probe = new Client({ connectionString: database.url });
  await probe.connect();
  placers = Array.from({ length: PROCESSES }, () => fork('test/support/order-placer.js', [database.url]));
  await Promise.all(placers.map((placer) => once(placer, 'message')));
}, 120_000);

afterAll(async () => {
  for (const placer of placers) {
    placer.kill('SIGKILL');
    if (placer.exitCode === null && placer.signalCode === null) await once(placer, 'exit');
  }
  await probe.end();
  await database.drop();
});

/** A market that is open, an account with cash, and shares to sell; nothing was ordered yet. */
async function begin(cash: number): Promise<void> {
  await probe.query(`TRUNCATE orders, positions, exposures, admissions, admission_counters, accounts, venue_conditions, market_quotes,
    ops_events CASCADE`);
  await probe.query(`INSERT INTO accounts (venue, mode, cash) VALUES ('paper', 'paper', $1)`, [cash]);
  await probe.query(
    `INSERT INTO venue_conditions (venue, state, reconciled_at, updated_at) VALUES ('paper', 'OPEN', now(), 'infinity')`,
  );
  await probe.query(
    `INSERT INTO market_quotes (venue, market, outcome, tick, minimum_quantity, status, rules, fee_rate, fee_exponent, updated_at)
     VALUES ('paper', 'm', 'YES', 0.01, 5, 'OPEN', 'free', 0, 1, clock_timestamp())`,
  );
  await probe.query(
    `INSERT INTO positions (strategy, venue, market, outcome, mode, quantity, cost_basis)
     VALUES ('alpha', 'paper', 'm', 'YES', 'paper', 1000, 0)`,
  );
}

/** The only limit there is; none when the rule is undefined. */
async function limit(rule: string | undefined, scope: string, value: number): Promise<void> {
  await probe.query('DELETE FROM risk_limits');
  if (rule === undefined) return;
  await probe.query(`INSERT INTO risk_limits (rule, scope, value, source) VALUES ($1, $2, $3, 'person')`, [
    rule,
    scope,
    value,
  ]);
}

async function place(placer: ChildProcess, order: object, count: number): Promise<Answers> {
  placer.send({ order, count });
  const [{ answers }] = (await once(placer, 'message')) as [{ answers: Answers }];
  return answers;
}

/** As many orders as processes ask for at once. @returns how often each answer came */
async function placeAll(order: object): Promise<Answers> {
  const answers = await Promise.all(placers.map((placer) => place(placer, order, ORDERS / PROCESSES)));
  const sum: Answers = {};
  for (const [answer, count] of answers.flatMap((one) => Object.entries(one))) sum[answer] = (sum[answer] ?? 0) + count;
  return sum;
}

describe(`G1 over ${PROCESSES} processes, ${ROUNDS} rounds each`, () => {
  const RATE = 'ORDER_RATE_LIMIT_EXCEEDED';
  const OPEN = 'MAX_OPEN_ORDERS_EXCEEDED';
  const POSITION = 'MAX_POSITION_EXCEEDED';
  const EXPOSURE = 'EXPOSURE_LIMIT_EXCEEDED';
  it.each([
    ['orderRate', 'global', ROOM, RATE],
    ['orderRate', 'strategy:alpha', ROOM, RATE],
    ['orderRate', 'venue:paper', ROOM, RATE],
    ['orderRate', 'market:m', ROOM, RATE],
    ['messageRate', 'mode:paper', ROOM, RATE],
    ['messageRate', 'strategy:alpha', ROOM, RATE],
    ['openOrders', 'global', ROOM, OPEN],
    ['openOrders', 'strategy:alpha', ROOM, OPEN],
    ['openOrders', 'venue:paper', ROOM, OPEN],
    ['openOrders', 'market:m', ROOM, OPEN],
    ['position', 'global', ROOM * 5, POSITION],
    ['position', 'strategy:alpha', ROOM * 5, POSITION],
    ['position', 'market:m', ROOM * 5, POSITION],
    ['exposure', 'global', ROOM * 5, EXPOSURE],
  ])(
    `%s in %s: ${ORDERS} concurrent orders against room for ${ROOM} admit exactly ${ROOM}`,
    async (rule, scope, value, code) => {
      for (let round = 0; round < ROUNDS; round++) {
        await begin(1_000_000);
        await limit(rule, scope, value);
        expect(await placeAll(BUY)).toEqual({ admitted: ROOM, [code]: ORDERS - ROOM });
        expect(await stored()).toEqual({ orders: ROOM, working: ROOM, cost: ROOM * 5 });
      }
    },
    ROUNDS * 60_000,
  );

  it.each([
    ['cash', BUY, ROOM * 5, 'INSUFFICIENT_CASH', ROOM * 5],
    ['holding', SELL, 0, 'INSUFFICIENT_POSITION', 0],
    ['reduceOnly', { ...SELL, reduceOnly: true }, 0, 'REDUCE_ONLY_VIOLATION', 0],
  ])(
    `%s: ${ORDERS} concurrent orders against what is enough for ${ROOM} admit exactly ${ROOM}`,
    async (_, order, cash, code, cost) => {
      await limit(undefined, '', 0);
      for (let round = 0; round < ROUNDS; round++) {
        await begin(cash);
        expect(await placeAll(order)).toEqual({ admitted: ROOM, [code]: ORDERS - ROOM });
        expect(await stored()).toEqual({ orders: ROOM, working: ROOM, cost });
      }
    },
    ROUNDS * 60_000,
  );
});

async function stored(): Promise<unknown> {
  const { rows } = await probe.query(
    `SELECT (SELECT count(*) FROM orders)::int AS orders, sum(working_orders)::int AS working, sum(working_cost)::float AS cost
     FROM exposures`,
  );
  return rows[0];
}
