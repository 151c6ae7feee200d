import type { Mode } from '@interlock/kill-switch';
import { isDatabaseUnavailable, SharedBatches, Transactions } from '@interlock/persistence';
import { type Purpose, RiskGuards, RiskState, RiskStateUnavailable, SetRiskLimits } from '@interlock/risk-guards';
import { CommandBus } from '@nestjs/cqrs';
import type { TestingModule } from '@nestjs/testing';
import * as fc from 'fast-check';
import { Client } from 'pg';
import { startRiskGuards } from '../support/risk-guards-module.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const LIMIT = 100;

let database: TestDatabase;
let replicas: TestingModule[];
let probe: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  const limits = { RUN_START_LIMIT_PER_MIN: String(LIMIT), ORDER_RATE_LIMIT_PER_MIN: String(LIMIT) };
  replicas = await Promise.all([startRiskGuards(database.url, limits), startRiskGuards(database.url, limits)]);
  probe = new Client({ connectionString: database.url });
  await probe.connect();
});

afterAll(async () => {
  await probe.end();
  await Promise.all(replicas.map((module) => module.close()));
  await database.drop();
});

const forget = () => probe.query('TRUNCATE admissions, admission_counters');

beforeEach(forget);

/** One transaction: lock, read, judge each, write, as start and order admission do. */
function admit(module: TestingModule, modes: readonly Mode[], purpose: Purpose): Promise<boolean[]> {
  return module.get(Transactions).run(async (tx) => {
    const state = await module.get(RiskGuards).open(tx, modes, purpose);
    const verdicts = modes.map((mode) => judge(state, mode, purpose) === undefined);
    await state.write(tx);
    return verdicts;
  });
}

function judge(state: RiskState, mode: Mode, purpose: Purpose) {
  return purpose === 'order' ? state.judgeOrder({ mode }) : state.judgeStart({ mode, maxPosition: 1 });
}

async function age(seconds: number): Promise<void> {
  await probe.query(`UPDATE admissions SET at = at - $1 * interval '1 second'`, [seconds]);
  await probe.query(`UPDATE admission_counters SET newest_at = newest_at - $1 * interval '1 second'`, [seconds]);
}

const numbersOf = async (rule: string, scope: string): Promise<number[]> => {
  const { rows } = await probe.query<{ number: string }>(
    'SELECT number FROM admissions WHERE rule = $1 AND scope = $2 ORDER BY number',
    [rule, scope],
  );
  return rows.map((row) => Number(row.number));
};

/** As a person changes it while trading goes on. */
const setOrderRate = (limit: number) =>
  replicas[0]!
    .get(CommandBus)
    .execute(new SetRiskLimits([{ rule: 'orderRate', scope: 'global', limit: String(limit) }], 'for the test', 'test'));

const oneTo = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1);

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
  it.each([
    ['startRate', 'start'],
    ['orderRate', 'order'],
  ] as const)(
    '%s: 1,000 concurrent admissions against room for 100 admit exactly 100, 20 rounds',
    async (rule, purpose) => {
      const batches = replicas.map(
        (module) => new SharedBatches<Mode, boolean>((modes) => admit(module, modes, purpose), isDatabaseUnavailable),
      );
      for (let round = 0; round < 20; round++) {
        await forget();
        const verdicts = await Promise.all(oneTo(1_000).map((n) => batches[n % 2]!.add('mock')));
        expect(verdicts.filter(Boolean)).toHaveLength(LIMIT);
        expect(await numbersOf(rule, 'mode:mock')).toEqual(oneTo(LIMIT));
      }
    },
    120_000,
  );

  it('also where each caller has a transaction of its own', async () => {
    const verdicts = await inTurn(300, (n) => admit(replicas[n % 2]!, ['paper'], 'order'));
    expect(verdicts.flat().filter(Boolean)).toHaveLength(LIMIT);
  });

  it('never in a circle: batches over modes in any order', async () => {
    const orders: Mode[][] = [
      ['mock', 'paper', 'live'],
      ['live', 'paper', 'mock'],
      ['paper', 'live', 'mock'],
    ];
    const verdicts = await inTurn(150, (n) => admit(replicas[n % 2]!, orders[n % 3]!, 'start'));
    expect(verdicts.flat().filter(Boolean)).toHaveLength(3 * LIMIT);
  });

  it('counts nothing of a transaction that is rolled back', async () => {
    const failing = replicas[0]!.get(Transactions).run(async (tx) => {
      const state = await replicas[0]!.get(RiskGuards).open(tx, ['mock'], 'order');
      state.judgeOrder({ mode: 'mock' });
      await state.write(tx);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await numbersOf('orderRate', 'mode:mock')).toEqual([]);
  });
});

describe('G0 modes apart', () => {
  it('a full minute in one mode leaves room in the others', async () => {
    await admit(
      replicas[0]!,
      oneTo(LIMIT).map(() => 'paper'),
      'order',
    );
    expect(await admit(replicas[1]!, ['paper', 'live', 'mock'], 'order')).toEqual([false, true, true]);
  });

  it('starts do not count as orders, but are held to the order rate', async () => {
    await admit(
      replicas[0]!,
      oneTo(50).map(() => 'mock'),
      'start',
    );
    expect(await numbersOf('orderRate', 'mode:mock')).toEqual([]);
    await admit(
      replicas[0]!,
      oneTo(LIMIT).map(() => 'mock'),
      'order',
    );
    const refusals = await replicas[1]!.get(Transactions).run(async (tx) => {
      const state = await replicas[1]!.get(RiskGuards).open(tx, ['mock'], 'claim');
      return state.judgeStart({ mode: 'mock', maxPosition: 1 });
    });
    expect(refusals).toMatchObject({
      code: 'ORDER_RATE_LIMIT_EXCEEDED',
      details: { rule: 'orderRate', scope: 'mode:mock', current: '100', limit: '100' },
    });
  });
});

describe('the sliding minute', () => {
  it('frees room as admissions leave it, one for one', async () => {
    await admit(
      replicas[0]!,
      oneTo(LIMIT).map(() => 'mock'),
      'order',
    );
    expect(await admit(replicas[0]!, ['mock'], 'order')).toEqual([false]);
    await probe.query(`UPDATE admissions SET at = at - interval '61 seconds' WHERE number <= 7`);
    const verdicts = await admit(
      replicas[1]!,
      oneTo(10).map(() => 'mock'),
      'order',
    );
    expect(verdicts.filter(Boolean)).toHaveLength(7);
  });

  it('numbers on, and removes what is older than a minute with the writes that follow', async () => {
    await admit(
      replicas[0]!,
      oneTo(60).map(() => 'mock'),
      'order',
    );
    await age(61);
    expect(await admit(replicas[0]!, ['mock'], 'order')).toEqual([true]);
    expect(await numbersOf('orderRate', 'mode:mock')).toEqual(oneTo(61).slice(18));
    await admit(
      replicas[0]!,
      oneTo(40).map(() => 'mock'),
      'order',
    );
    expect(await numbersOf('orderRate', 'mode:mock')).toEqual(oneTo(101).slice(60));
  });

  it('stays right when the limit changes', async () => {
    const tight = replicas[1]!;
    try {
      await admit(
        replicas[0]!,
        oneTo(60).map(() => 'mock'),
        'order',
      );
      await setOrderRate(10);
      expect(await admit(tight, ['mock'], 'order')).toEqual([false]);
      await probe.query(`UPDATE admissions SET at = at - interval '61 seconds' WHERE number <= 51`);
      expect(await admit(tight, ['mock', 'mock'], 'order')).toEqual([true, false]);
      await setOrderRate(LIMIT);
      expect(await admit(replicas[0]!, ['mock'], 'order')).toEqual([true]);
    } finally {
      await setOrderRate(LIMIT);
    }
  });

  it('G3 admits as a plain list of times does, whatever is asked, waited for or changed', async () => {
    const step = fc.oneof(
      fc.record({ ask: fc.integer({ min: 1, max: 60 }), of: fc.constantFrom('tight', 'generous') }),
      fc.record({ wait: fc.constantFrom(5, 20, 40, 70) }),
    );
    try {
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
            const room = Math.max((next.of === 'tight' ? 7 : LIMIT) - ages.filter((seconds) => seconds < 60).length, 0);
            const intents = oneTo(next.ask).map((): Mode => 'mock');
            await setOrderRate(next.of === 'tight' ? 7 : LIMIT);
            const verdicts = await admit(replicas[next.ask % 2]!, intents, 'order');
            const admitted = verdicts.filter(Boolean).length;
            expect(admitted).toBe(Math.min(room, next.ask));
            ages.push(...oneTo(admitted).map(() => 0));
          }
        }),
        { numRuns: 40 },
      );
    } finally {
      await setOrderRate(LIMIT);
    }
  });

  it('never lets its times fall, when the clock does', async () => {
    await admit(replicas[0]!, ['mock'], 'order');
    await age(-3_600); // as written by a clock an hour ahead
    await admit(replicas[1]!, ['mock'], 'order');
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
    expect(await admit(replicas[0]!, ['mock'], 'start')).toEqual([true]);
    await probe.query(damage);
    try {
      await expect(admit(replicas[0]!, ['mock'], 'start')).rejects.toBeInstanceOf(RiskStateUnavailable);
      await expect(admit(replicas[0]!, ['mock'], 'claim')).rejects.toBeInstanceOf(RiskStateUnavailable);
    } finally {
      await probe.query(repair);
    }
    expect(await admit(replicas[0]!, ['mock'], 'start')).toEqual([true]);
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
