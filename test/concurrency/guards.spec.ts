import type { Mode } from '@interlock/kill-switch';
import { ADMITTED_ORDERS_CHANNEL, type PlaceOrderResult, PlaceOrders } from '@interlock/orders';
import { isDatabaseUnavailable, LastAnswer, newId, SharedBatches, Transactions } from '@interlock/persistence';
import {
  decimal,
  OrderAdmissions,
  type OrderIntent,
  type Purpose,
  RiskGuards,
  RiskStateUnavailable,
  SetRiskLimits,
} from '@interlock/risk-guards';
import { CommandBus } from '@nestjs/cqrs';
import type { TestingModule } from '@nestjs/testing';
import * as fc from 'fast-check';
import { Client } from 'pg';
import { Orders } from '../../libs/orders/src/orders.repository.js';
import { orderRequest } from '../support/order-request.js';
import { startOrders } from '../support/orders-module.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const LIMIT = 100;
const TIGHT = 10;

let database: TestDatabase;
let replicas: TestingModule[];
/** Its starts are limited to `TIGHT`, which is a matter of its settings. */
let tightReplica: TestingModule;
let probe: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  const limits = { ORDER_RATE_LIMIT_PER_MIN: String(LIMIT), RISK_REQUIRED_IN_LIVE: 'orderRate' };
  const started = [LIMIT, LIMIT, TIGHT].map((starts) =>
    startOrders(database.url, { ...limits, RUN_START_LIMIT_PER_MIN: String(starts) }),
  );
  const [first, second, third] = await Promise.all(started);
  replicas = [first!, second!];
  tightReplica = third!;
  probe = new Client({ connectionString: database.url });
  await probe.connect();
  await probe.query(
    `INSERT INTO venue_conditions (venue, state, reconciled_at, updated_at)
     SELECT venue, 'OPEN', now(), 'infinity' FROM unnest('{paper,exchange}'::text[]) AS venue`,
  );
  await probe.query(
    `INSERT INTO market_quotes (venue, market, outcome, tick, minimum_quantity, status, rules, fee_rate, fee_exponent, updated_at)
     SELECT venue, 'm', 'YES', 0.01, 5, 'OPEN', 'free', 0, 1, clock_timestamp() FROM unnest('{paper,exchange}'::text[]) AS venue`,
  );
}, 120_000);

afterAll(async () => {
  await probe.end();
  await Promise.all([...replicas, tightReplica].map((module) => module.close()));
  await database.drop();
});

async function forget(): Promise<void> {
  await probe.query('TRUNCATE admissions, admission_counters, orders, positions, exposures, accounts CASCADE');
  await probe.query(
    `INSERT INTO accounts (venue, mode, cash) VALUES ('paper', 'paper', 1000000), ('exchange', 'live', 1000000)`,
  );
}

beforeEach(async () => {
  await forget();
  await setOrderRate(LIMIT);
});

const oneTo = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1);
const times = (n: number, mode: Mode): Mode[] => oneTo(n).map(() => mode);

/** What is counted over a sliding minute, asked for as the product asks. */
interface Counted {
  readonly rule: 'startRate' | 'orderRate';
  /** One transaction: lock, read, judge each, count. @returns which were admitted */
  readonly admit: (modes: readonly Mode[], replica?: number, limit?: number) => Promise<boolean[]>;
}

function judgeStarts(module: TestingModule, modes: readonly Mode[], purpose: Purpose): Promise<boolean[]> {
  return module.get(Transactions).run(async (tx) => {
    const state = await module.get(RiskGuards).open(tx, modes, purpose);
    const verdicts = modes.map((mode) => state.judgeStart({ mode, maxPosition: 1 }) === undefined);
    await state.write(tx);
    return verdicts;
  });
}

const STARTS: Counted = {
  rule: 'startRate',
  admit: (modes, replica = 0, limit = LIMIT) =>
    judgeStarts(limit === LIMIT ? replicas[replica]! : tightReplica, modes, 'start'),
};

/** As a person changes it while trading goes on. */
const setOrderRate = (limit: number) =>
  replicas[0]!
    .get(CommandBus)
    .execute(new SetRiskLimits([{ rule: 'orderRate', scope: 'global', limit: String(limit) }], 'for the test', 'test'));

const requestIn = (mode: Mode) => orderRequest({ venue: mode === 'live' ? 'exchange' : 'paper' });

function wasAdmitted(result: PlaceOrderResult): boolean {
  if (result.kind === 'admitted') return true;
  expect(result).toMatchObject({ kind: 'refused', refusal: { details: { rule: 'orderRate' } } });
  return false;
}

const ORDERS: Counted = {
  rule: 'orderRate',
  async admit(modes, replica = 0, limit = LIMIT) {
    if (limit !== LIMIT) await setOrderRate(limit);
    try {
      const placed = new PlaceOrders(modes.map(requestIn), 'tester');
      return (await replicas[replica]!.get(CommandBus).execute(placed)).map(wasAdmitted);
    } finally {
      if (limit !== LIMIT) await setOrderRate(LIMIT);
    }
  },
};

async function age(seconds: number): Promise<void> {
  await probe.query(`UPDATE admissions SET at = at - $1 * interval '1 second'`, [seconds]);
  await probe.query(
    `UPDATE admission_counters SET newest_at = newest_at - $1 * interval '1 second', oldest_at = oldest_at - $1 * interval '1 second'`,
    [seconds],
  );
}

/** A row for each order, as if each had been admitted alone. */
async function apart(): Promise<void> {
  await probe.query(
    `WITH together AS (DELETE FROM admissions RETURNING *)
     INSERT INTO admissions (rule, scope, number, at, strategy, venue, market)
     SELECT rule, scope, generate_series(number - orders + 1, number), at, strategy, venue, market FROM together`,
  );
}

const numbersOf = async (rule: string, scope: string): Promise<number[]> => {
  const { rows } = await probe.query<{ number: string }>(
    'SELECT generate_series(number - orders + 1, number) AS number FROM admissions WHERE rule = $1 AND scope = $2 ORDER BY 1',
    [rule, scope],
  );
  return rows.map((row) => Number(row.number));
};

/** Carries out calls 1 to `count`, as many at once as the two pools have connections: a longer queue would wait in vain for one. */
async function inTurn<T>(count: number, call: (n: number) => Promise<T>): Promise<T[]> {
  const left = oneTo(count);
  const results: T[] = [];
  const caller = async () => {
    for (let n = left.shift(); n !== undefined; n = left.shift()) results.push(await call(n));
  };
  await Promise.all(oneTo(20).map(caller));
  return results;
}

describe('G1 exact under concurrency, over two replicas', () => {
  // Orders: libs/orders/src/place-orders.spec.ts, and over processes order-guards.spec.ts.
  it('1,000 concurrent starts against room for 100 admit exactly 100, 20 rounds', async () => {
    const batches = oneTo(2).map(
      (n) => new SharedBatches<Mode, boolean>((modes) => STARTS.admit(modes, n - 1), isDatabaseUnavailable),
    );
    for (let round = 0; round < 20; round++) {
      await forget();
      const verdicts = await Promise.all(oneTo(1_000).map((n) => batches[n % 2]!.add('mock')));
      expect(verdicts.filter(Boolean)).toHaveLength(LIMIT);
      expect(await numbersOf('startRate', 'mode:mock')).toEqual(oneTo(LIMIT));
    }
  }, 120_000);

  it('also where each start has a transaction of its own', async () => {
    const verdicts = await inTurn(300, (n) => STARTS.admit(['paper'], n % 2));
    expect(verdicts.flat().filter(Boolean)).toHaveLength(LIMIT);
  });

  it('also where each order has a transaction of its own', async () => {
    const { clientOrderId, ...params } = requestIn('paper');
    const order = { params: { ...params, mode: 'paper' }, account: 'default', clientOrderId, runId: null } as const;
    const { strategy, venue, market, outcome, side, type, reduceOnly } = params;
    const placed = {
      strategy,
      mode: 'paper',
      venue,
      account: 'default',
      market,
      outcome,
      side,
      type,
      reduceOnly,
    } as const;
    const intent: OrderIntent = { ...placed, price: decimal('0.5'), quantity: decimal('10'), highestFee: decimal('0') };
    const admitAlone = (module: TestingModule) =>
      module.get(Transactions).pipelined(async (tx) => {
        const { guards } = await module.get(OrderAdmissions).open(tx, ['global'], [intent]);
        if (guards.judge(intent, 0) !== undefined) return false;
        const admitted = [{ ...order, id: newId(), feeReserve: '0' }];
        return new LastAnswer(
          module
            .get(Orders)
            .admit(tx, admitted, ADMITTED_ORDERS_CHANNEL)
            .then(() => true),
        );
      });
    const verdicts = await inTurn(300, (n) => admitAlone(replicas[n % 2]!));
    expect(verdicts.filter(Boolean)).toHaveLength(LIMIT);
    expect(await numbersOf('orderRate', 'mode:paper')).toEqual(oneTo(LIMIT));
  });

  it('never in a circle: batches over modes in any order', async () => {
    const orders: Mode[][] = [
      ['mock', 'paper', 'live'],
      ['live', 'paper', 'mock'],
      ['paper', 'live', 'mock'],
    ];
    const starts = await inTurn(150, (n) => STARTS.admit(orders[n % 3]!, n % 2));
    expect(starts.flat().filter(Boolean)).toHaveLength(3 * LIMIT);
    const placed = await inTurn(150, (n) => ORDERS.admit(n % 3 === 0 ? ['paper', 'live'] : ['live', 'paper'], n % 2));
    expect(placed.flat().filter(Boolean)).toHaveLength(2 * LIMIT);
  });

  it('counts no start of a transaction that is rolled back', async () => {
    const failing = replicas[0]!.get(Transactions).run(async (tx) => {
      const state = await replicas[0]!.get(RiskGuards).open(tx, ['paper'], 'start');
      state.judgeStart({ mode: 'paper', maxPosition: 1 });
      await state.write(tx);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await numbersOf('startRate', 'mode:paper')).toEqual([]);
  });

  it('counts no order of a transaction that is rolled back', async () => {
    const runId = newId();
    await probe.query(
      `INSERT INTO runs (id, status, mode, dry_run, max_position, pipeline, strategy, input, attempt)
       VALUES ($1, 'RUNNING', 'paper', false, 1000, 'python', 'alpha', '{}', 1)`,
      [runId],
    );
    const run = {
      runId,
      mode: 'paper',
      confirm: () => Promise.reject(new Error('another worker has the run')),
    } as const;
    const failing = replicas[0]!.get(CommandBus).execute(new PlaceOrders([requestIn('paper')], 'tester', run));
    await expect(failing).rejects.toThrow('another worker has the run');
    expect(await numbersOf('orderRate', 'mode:paper')).toEqual([]);
  });
});

describe.each([STARTS, ORDERS])('G0 modes apart: $rule', ({ admit }) => {
  it('a full minute in one mode leaves room in the others', async () => {
    await admit(times(LIMIT, 'paper'));
    expect(await admit(['paper', 'live'], 1)).toEqual([false, true]);
  });
});

it('G0 starts do not count as orders, but are held to the order rate', async () => {
  await STARTS.admit(times(50, 'paper'));
  expect(await numbersOf('orderRate', 'mode:paper')).toEqual([]);
  await ORDERS.admit(times(LIMIT, 'paper'));
  const refusal = await replicas[1]!.get(Transactions).run(async (tx) => {
    const state = await replicas[1]!.get(RiskGuards).open(tx, ['paper'], 'claim');
    return state.judgeStart({ mode: 'paper', maxPosition: 1 });
  });
  expect(refusal).toMatchObject({
    code: 'ORDER_RATE_LIMIT_EXCEEDED',
    details: { rule: 'orderRate', scope: 'mode:paper', current: '100', limit: '100' },
  });
});

describe.each([STARTS, ORDERS])('the sliding minute: $rule', ({ rule, admit }) => {
  it('frees room as admissions leave it, one for one', async () => {
    await admit(times(LIMIT, 'paper'));
    expect(await admit(['paper'])).toEqual([false]);
    await apart();
    await probe.query(`UPDATE admissions SET at = at - interval '61 seconds' WHERE number <= 7`);
    const verdicts = await admit(times(10, 'paper'), 1);
    expect(verdicts.filter(Boolean)).toHaveLength(7);
  });

  it('numbers on, and removes what is older than a minute with the writes that follow', async () => {
    for (let batch = 0; batch < 3; batch += 1) await admit(times(20, 'paper'));
    await apart();
    await age(61);
    expect(await admit(['paper'])).toEqual([true]);
    // Those admitted together, at one time, go together; a few more than came, but not all that are old.
    expect(await numbersOf(rule, 'mode:paper')).toEqual(oneTo(61).slice(20));
    await admit(times(40, 'paper'));
    expect(await numbersOf(rule, 'mode:paper')).toEqual(oneTo(101).slice(60));
  });

  it('stays right when the limit changes', async () => {
    await admit(times(60, 'paper'));
    expect(await admit(['paper'], 1, TIGHT)).toEqual([false]);
    await apart();
    await probe.query(`UPDATE admissions SET at = at - interval '61 seconds' WHERE number <= 51`);
    expect(await admit(['paper', 'paper'], 1, TIGHT)).toEqual([true, false]);
    expect(await admit(['paper'])).toEqual([true]);
  });

  it('G3 admits as a plain list of times does, whatever is asked, waited for or changed', async () => {
    const step = fc.oneof(
      fc.record({ ask: fc.integer({ min: 1, max: 60 }), limit: fc.constantFrom(TIGHT, LIMIT) }),
      fc.record({ wait: fc.constantFrom(5, 20, 40, 70) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        await forget();
        let ages: number[] = []; // of what was admitted, in seconds
        for (const next of steps) {
          if ('wait' in next) {
            await age(next.wait);
            ages = ages.map((seconds) => seconds + next.wait);
            continue;
          }
          const room = Math.max(next.limit - ages.filter((seconds) => seconds < 60).length, 0);
          const verdicts = await admit(times(next.ask, 'paper'), next.ask % 2, next.limit);
          const admitted = verdicts.filter(Boolean).length;
          expect(admitted).toBe(Math.min(room, next.ask));
          ages.push(...oneTo(admitted).map(() => 0));
        }
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  it('never lets its times fall, when the clock does', async () => {
    await admit(['paper']);
    await age(-3_600); // as written by a clock an hour ahead
    await admit(['paper'], 1);
    const { rows } = await probe.query<{ falls: boolean }>(
      'SELECT at < lag(at) OVER (ORDER BY number) AS falls FROM admissions ORDER BY number',
    );
    expect(rows.map((row) => row.falls)).toEqual([null, false]);
  });
});

describe('G4 absent means blocked', () => {
  it.each([
    [
      'no limits were ever set',
      'UPDATE risk_limits_version SET version = 0',
      'UPDATE risk_limits_version SET version = 1',
    ],
    ['the day is missing', 'DELETE FROM risk_day', `INSERT INTO risk_day (timezone) VALUES ('UTC')`],
    [
      'the table is gone',
      'ALTER TABLE daily_results RENAME TO elsewhere',
      'ALTER TABLE elsewhere RENAME TO daily_results',
    ],
    [
      'a counter is no number',
      `ALTER TABLE admissions RENAME number TO nummer`,
      'ALTER TABLE admissions RENAME nummer TO number',
    ],
  ])('%s', async (_, damage, repair) => {
    const admitted = () => Promise.all([STARTS, ORDERS].map(({ admit }) => admit(['paper'])));
    expect(await admitted()).toEqual([[true], [true]]);
    await probe.query(damage);
    try {
      await expect(STARTS.admit(['paper'])).rejects.toBeInstanceOf(RiskStateUnavailable);
      await expect(judgeStarts(replicas[0]!, ['paper'], 'claim')).rejects.toBeInstanceOf(RiskStateUnavailable);
      await expect(ORDERS.admit(['paper'])).rejects.toBeInstanceOf(RiskStateUnavailable);
    } finally {
      await probe.query(repair);
    }
    expect(await admitted()).toEqual([[true], [true]]);
  });

  it('a lost database stays a database error', async () => {
    const cut = replicas[0]!.get(Transactions).run(async (tx) => {
      const [row] = await tx.query<{ pid: number }[]>('SELECT pg_backend_pid() AS pid');
      await probe.query('SELECT pg_terminate_backend($1)', [row!.pid]);
      return replicas[0]!.get(RiskGuards).open(tx, ['mock'], 'start');
    });
    await expect(cut.catch((error: unknown) => isDatabaseUnavailable(error))).resolves.toBe(true);
  });
});
