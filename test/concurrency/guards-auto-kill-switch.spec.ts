import type { Actor } from '@interlock/access';
import { ToggleKillSwitch } from '@interlock/kill-switch';
import { newId, Transactions } from '@interlock/persistence';
import { AutoKillSwitch, type ObservedRunEnd, RiskDays } from '@interlock/risk-guards';
import { CommandBus } from '@nestjs/cqrs';
import type { TestingModule } from '@nestjs/testing';
import { Client } from 'pg';
import { startRiskGuards } from '../support/risk-guards-module.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;
let replicas: TestingModule[];
let probe: Client;

const ADA: Actor = { name: 'ada', role: 'admin' };
/** May press, and loosen nothing. */
const OTTO: Actor = { name: 'otto', role: 'operator' };

const SETTINGS = { RISK_MAX_DAILY_LOSS: '100', AUTO_KILL_SWITCH_LATENCY_SPIKE_MIN_SAMPLES: '2' };

beforeAll(async () => {
  database = await createTestDatabase();
  replicas = await Promise.all([startRiskGuards(database.url, SETTINGS), startRiskGuards(database.url, SETTINGS)]);
  probe = new Client({ connectionString: database.url });
  await probe.connect();
});

afterAll(async () => {
  await probe.end();
  await Promise.all(replicas.map((module) => module.close()));
  await database.drop();
});

beforeEach(() =>
  probe.query(
    [
      'run_failure_streaks',
      'pipeline_latencies',
      'auto_kill_switch_trips',
      'kill_switches',
      'ops_events',
      'daily_results',
    ]
      .map((table) => `TRUNCATE ${table} CASCADE`)
      .join(';'),
  ),
);

/** Ends a run on a replica, as the worker does: the end is observed in a transaction. */
function end(status: string, { replica = 0, ...rest }: Partial<ObservedRunEnd> & { replica?: number } = {}) {
  const module = replicas[replica]!;
  const run = { runId: newId(), mode: 'mock', strategy: 'alpha', pipeline: 'calibration', durationMs: 10 } as const;
  return module
    .get(Transactions)
    .run((tx) => module.get(AutoKillSwitch).observeRunEnd(tx, { ...run, ...rest, status }));
}

const carryOut = (replica = 0): Promise<number> => replicas[replica]!.get(AutoKillSwitch).carryOutTrips();

async function fail(times: number, options: Parameters<typeof end>[1] = {}): Promise<void> {
  for (let n = 0; n < times; n++) await end('FAILED', { replica: n % 2, ...options });
}

async function globalSwitch(): Promise<{ enabled: boolean; version: number; updated_by: string } | undefined> {
  const { rows } = await probe.query(
    `SELECT enabled, version, level, reason, updated_by FROM kill_switches WHERE scope = 'global'`,
  );
  return rows[0];
}

async function eventsOf(name: string): Promise<{ reason: string; actor: string; details: Record<string, unknown> }[]> {
  const { rows } = await probe.query('SELECT reason, actor, details FROM ops_events WHERE event = $1 ORDER BY id', [
    name,
  ]);
  return rows;
}

const release = (): Promise<unknown> =>
  replicas[0]!
    .get(CommandBus)
    .execute(
      new ToggleKillSwitch({ scope: 'global', enabled: false, level: 'halt' }, { name: 'rita', role: 'risk-officer' }),
    );

const press = (level: 'halt' | 'reduce' = 'halt', replica = 0, actor: Actor = ADA): Promise<unknown> =>
  replicas[replica]!.get(CommandBus).execute(new ToggleKillSwitch({ scope: 'global', enabled: true, level }, actor));

describe('failures in a row', () => {
  it('turn the global switch on at the limit, with cause and numbers, once', async () => {
    await fail(2);
    expect(await carryOut()).toBe(0);
    await fail(1);
    expect(await carryOut(1)).toBe(1);
    expect(await carryOut()).toBe(0);
    expect(await globalSwitch()).toMatchObject({
      enabled: true,
      level: 'halt',
      version: 1,
      updated_by: 'auto-kill-switch',
      reason: '3 runs in a row failed (limit 3), mode:mock',
    });
    expect(await eventsOf('kill_switch_on')).toHaveLength(1);
    expect(await eventsOf('auto_kill_switch_triggered')).toMatchObject([
      {
        reason: '3 runs in a row failed (limit 3), mode:mock',
        actor: 'auto-kill-switch',
        details: {
          rule: 'consecutiveFailures',
          scope: 'mode:mock',
          current: '3',
          limit: '3',
          cause: 'consecutiveFailures mode:mock v0',
          changedSwitch: true,
        },
      },
    ]);
  });

  it('end with a success; dry runs, refused and cancelled runs do not count', async () => {
    await fail(2);
    for (const status of ['DRY_RUN_DONE', 'BLOCKED', 'EXPIRED', 'ENQUEUE_FAILED', 'CANCELED']) await end(status);
    await end('COMPLETED');
    await fail(2);
    for (const status of ['DRY_RUN_DONE', 'CANCELED']) await end(status);
    expect(await carryOut()).toBe(0);
    await fail(1);
    expect(await carryOut()).toBe(1);
  });

  it('G0 count per mode', async () => {
    await fail(2, { mode: 'paper' });
    await fail(2, { mode: 'live' });
    expect(await carryOut()).toBe(0);
    await end('COMPLETED', { mode: 'paper' });
    await fail(1, { mode: 'live' });
    expect(await carryOut()).toBe(1);
  });

  it('trip again only after a release, and count anew from there', async () => {
    await fail(3);
    await carryOut();
    await fail(2); // were under way when the switch went on
    expect(await carryOut()).toBe(0);
    await release();
    await fail(2);
    expect(await carryOut()).toBe(0);
    await fail(1);
    expect(await carryOut()).toBe(1);
    expect(await globalSwitch()).toMatchObject({ enabled: true, version: 3 });
    expect(await eventsOf('auto_kill_switch_triggered')).toHaveLength(2);
  });
});

describe('losses of the day', () => {
  const lose = (amount: string) =>
    replicas[0]!
      .get(Transactions)
      .run((tx) =>
        replicas[0]!.get(RiskDays).book(tx, [{ mode: 'mock', strategy: 'alpha', realizedPnl: `-${amount}`, fee: '0' }]),
      );

  it('trip once a day at the limit of the guard', async () => {
    await lose('99.99');
    await end('COMPLETED');
    expect(await carryOut()).toBe(0);
    await lose('0.01');
    await end('COMPLETED', { mode: 'paper' });
    expect(await carryOut()).toBe(0);
    await end('CANCELED');
    expect(await carryOut()).toBe(1);
    await release();
    await end('COMPLETED');
    expect(await carryOut()).toBe(0);
    expect(await eventsOf('auto_kill_switch_triggered')).toMatchObject([
      { details: { rule: 'dailyLoss', scope: 'mode:mock', current: '100', limit: '100' } },
    ]);
  });

  it('that cannot be read do not keep a run from ending', async () => {
    await probe.query('DELETE FROM risk_day');
    try {
      await end('COMPLETED');
      expect(await carryOut()).toBe(0);
    } finally {
      await probe.query(`INSERT INTO risk_day (timezone) VALUES ('UTC')`);
    }
  });
});

describe('latency', () => {
  it('is learnt per pipeline from what went well, and a spike trips', async () => {
    await end('COMPLETED', { durationMs: 1_000 });
    await end('COMPLETED', { durationMs: 1_000, replica: 1 });
    await end('FAILED', { durationMs: 1 });
    await end('COMPLETED', { durationMs: 3_100, pipeline: 'other' });
    expect(await carryOut()).toBe(0);
    await end('COMPLETED', { durationMs: 3_100, replica: 1 });
    expect(await carryOut()).toBe(1);
    expect(await eventsOf('auto_kill_switch_triggered')).toMatchObject([
      { details: { rule: 'latencySpike', scope: 'pipeline:calibration', current: '3100', limit: '3000' } },
    ]);
  });

  it('trips above the threshold, unless the pipeline declares a longer duration', async () => {
    await end('COMPLETED', { durationMs: 100_000, expectedDurationMs: 120_000, pipeline: 'python' });
    expect(await carryOut()).toBe(0);
    await end('FAILED', { durationMs: 30_001 });
    expect(await carryOut()).toBe(1);
  });
});

describe('over two replicas', () => {
  it('counts exactly, trips once and records it once, 20 rounds', async () => {
    for (let round = 0; round < 20; round++) {
      await Promise.all(
        Array.from({ length: 12 }, async (_, n) => {
          await end('FAILED', { replica: n % 2, durationMs: 40_000 });
          await carryOut(n % 2);
        }),
      );
      expect(await carryOut()).toBe(0);
      const killSwitch = await globalSwitch();
      expect(killSwitch).toMatchObject({ enabled: true, version: 2 * round + 1 });
      const { rows } = await probe.query(
        `SELECT count(*) FILTER (WHERE changed_switch)::int AS changed, count(*)::int AS trips, count(DISTINCT cause)::int AS causes,
                (SELECT count(*)::int FROM ops_events WHERE event = 'auto_kill_switch_triggered') AS told,
                (SELECT count(*)::int FROM ops_events WHERE event = 'kill_switch_on') AS pressed
         FROM auto_kill_switch_trips`,
      );
      expect(rows[0].changed).toBe(round + 1);
      expect(rows[0].pressed).toBe(round + 1);
      expect(rows[0].told).toBe(rows[0].trips);
      expect(rows[0].causes).toBe(rows[0].trips);
      await release();
    }
  });

  it('counts every failure while it only observes', async () => {
    const quiet = await startRiskGuards(database.url, { ...SETTINGS, AUTO_KILL_SWITCH_ENABLED: 'false' });
    try {
      const observe = () =>
        quiet.get(Transactions).run((tx) =>
          quiet.get(AutoKillSwitch).observeRunEnd(tx, {
            runId: newId(),
            mode: 'mock',
            strategy: 'alpha',
            pipeline: 'calibration',
            status: 'FAILED',
            durationMs: 99_999,
          }),
        );
      await Promise.all(Array.from({ length: 60 }, observe));
      expect(await quiet.get(AutoKillSwitch).carryOutTrips()).toBe(0);
      const { rows } = await probe.query('SELECT scope, failures FROM run_failure_streaks');
      expect(rows).toEqual([{ scope: 'mode:mock', failures: 60 }]);
      expect((await probe.query('SELECT 1 FROM auto_kill_switch_trips')).rows).toEqual([]);
    } finally {
      await quiet.close();
    }
  });

  it('carries out on one replica what another stored before it died, together with everything that waits', async () => {
    await fail(3, { durationMs: 31_000, replica: 0 });
    expect(await globalSwitch()).toBeUndefined();
    expect(await Promise.all([carryOut(1), carryOut(1), carryOut(0)]).then((n) => n.toSorted((a, b) => a - b))).toEqual(
      [0, 0, 2],
    );
    expect(await globalSwitch()).toMatchObject({ version: 1 });
    const told = await eventsOf('auto_kill_switch_triggered');
    expect(told.map(({ details }) => [details['rule'], details['changedSwitch']])).toEqual([
      ['latencyThreshold', true],
      ['consecutiveFailures', false],
    ]);
  });

  it('lets a decision of a person stand that came in between', async () => {
    await fail(3);
    await press();
    await press('reduce');
    expect(await carryOut()).toBe(1);
    expect(await globalSwitch()).toMatchObject({ enabled: true, level: 'reduce', updated_by: 'ada' });

    await release();
    await fail(3);
    await press();
    await release();
    expect(await carryOut()).toBe(1);
    expect(await globalSwitch()).toMatchObject({ enabled: false, updated_by: 'rita' });
    expect(await eventsOf('auto_kill_switch_triggered')).toMatchObject([
      { details: { changedSwitch: false } },
      { details: { changedSwitch: false } },
    ]);
  });

  it('forgets what it counted when the end of the run is rolled back', async () => {
    const module = replicas[0]!;
    const failing = module.get(Transactions).run(async (tx) => {
      const run = { runId: newId(), mode: 'mock', strategy: 'alpha', pipeline: 'calibration' } as const;
      await module.get(AutoKillSwitch).observeRunEnd(tx, { ...run, status: 'FAILED', durationMs: 99_999 });
      throw new Error('the hold is lost');
    });
    await expect(failing).rejects.toThrow('the hold is lost');
    expect(await carryOut()).toBe(0);
    expect((await probe.query('SELECT 1 FROM run_failure_streaks')).rows).toEqual([]);
  });
});

describe('K7 a switch that reduces', () => {
  it('is raised to halt, by each cause once until a person releases it, which frees all', async () => {
    await press('reduce');
    await fail(3);
    expect(await carryOut(1)).toBe(1);
    expect(await globalSwitch()).toMatchObject({ level: 'halt', version: 2, updated_by: 'auto-kill-switch' });

    await press('reduce'); // knowing why it halted
    await fail(4);
    expect(await carryOut()).toBe(0);
    expect(await globalSwitch()).toMatchObject({ level: 'reduce', version: 3, updated_by: 'ada' });
    await end('FAILED', { durationMs: 31_000 });
    expect(await carryOut()).toBe(1);
    expect(await globalSwitch()).toMatchObject({ level: 'halt', version: 4, updated_by: 'auto-kill-switch' });

    await release();
    expect(await globalSwitch()).toMatchObject({ enabled: false, level: null, version: 5 });
    await fail(2);
    expect(await carryOut()).toBe(0);
    await fail(1);
    expect(await carryOut()).toBe(1);
    expect(await globalSwitch()).toMatchObject({ level: 'halt', version: 6 });
    const told = await eventsOf('auto_kill_switch_triggered');
    expect(told.map(({ details }) => [details['cause'], details['changedSwitch']])).toEqual([
      ['consecutiveFailures mode:mock v0', true],
      ['latencyThreshold pipeline:calibration v0', true],
      ['consecutiveFailures mode:mock v5', true],
    ]);
  });

  it('is raised by a trip that was stored before somebody pressed reduce', async () => {
    await fail(3);
    await press('reduce');
    expect(await carryOut()).toBe(1);
    expect(await globalSwitch()).toMatchObject({ level: 'halt', version: 2, updated_by: 'auto-kill-switch' });
  });

  it('goes on counting failures in a row', async () => {
    await fail(2);
    await press('reduce');
    await fail(1);
    expect(await carryOut()).toBe(1);
    expect(await globalSwitch()).toMatchObject({ level: 'halt', version: 2 });
  });

  it('halts in the end whenever people press reduce while it trips, 20 rounds over two replicas', async () => {
    for (let round = 1; round <= 20; round++) {
      await Promise.all([
        ...Array.from({ length: 8 }, async (_, n) => {
          await end('FAILED', { replica: n % 2, durationMs: 40_000 });
          await carryOut(n % 2);
        }),
        ...Array.from({ length: 4 }, (_, n) => press('reduce', n % 2, OTTO)),
      ]);
      expect(await carryOut()).toBe(0);
      expect(await globalSwitch()).toMatchObject({ level: 'halt', updated_by: 'auto-kill-switch' });
      const { rows } = await probe.query(
        `SELECT count(*) FILTER (WHERE changed_switch)::int AS changed, count(*)::int = count(DISTINCT cause)::int AS once,
                count(*)::int = (SELECT count(*)::int FROM ops_events WHERE event = 'auto_kill_switch_triggered') AS told
         FROM auto_kill_switch_trips`,
      );
      expect(rows).toEqual([{ changed: round, once: true, told: true }]);
      await release();
      expect(await carryOut()).toBe(0);
      expect(await globalSwitch()).toMatchObject({ enabled: false, updated_by: 'rita' });
    }
  });
});
