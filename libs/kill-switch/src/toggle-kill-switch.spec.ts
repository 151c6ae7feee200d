import { setTimeout as delay } from 'node:timers/promises';
import type { Actor } from '@interlock/access';
import { Transactions } from '@interlock/persistence';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { TestingModule } from '@nestjs/testing';
import { Client } from 'pg';
import { eventually } from '../../../test/support/eventually.js';
import { startKillSwitch } from '../../../test/support/kill-switch-module.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/test-database.js';
import { GetKillSwitches } from './get-kill-switches.js';
import type { Level, Scope } from './kill-switch.js';
import { KillSwitches } from './kill-switches.repository.js';
import { ToggleKillSwitch } from './toggle-kill-switch.js';

const admin: Actor = { name: 'ada', role: 'admin' };
const operator: Actor = { name: 'otto', role: 'operator' };

let database: TestDatabase;
let processes: TestingModule[];
let probe: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  processes = [await startKillSwitch(database.url), await startKillSwitch(database.url)];
  probe = new Client({ connectionString: database.url });
  await probe.connect();
});

afterAll(async () => {
  await probe.end();
  await Promise.all(processes.map((module) => module.close()));
  await database.drop();
});

interface Manner {
  level?: Level;
  actor?: Actor;
  reason?: string;
}

function toggle(scope: Scope, enabled: boolean, { level = 'halt', actor = admin, reason }: Manner = {}) {
  return processes[0]!.get(CommandBus).execute(new ToggleKillSwitch({ scope, enabled, level, reason }, actor));
}

describe('toggling a kill switch', () => {
  it('K1 raises the version at every change and none else, and says who did it and why', async () => {
    const scope = 'strategy:lifecycle';
    const on = await toggle(scope, true, { actor: operator, reason: 'odd fills' });
    expect(on).toMatchObject({
      kind: 'changed',
      killSwitch: { scope, enabled: true, level: 'halt', reason: 'odd fills', version: 1, updatedBy: 'otto' },
    });
    expect(await toggle(scope, true, { actor: operator })).toMatchObject({
      kind: 'unchanged',
      killSwitch: { version: 1 },
    });
    expect(await toggle(scope, true, { level: 'reduce' })).toMatchObject({
      kind: 'changed',
      killSwitch: { version: 2, level: 'reduce' },
    });
    expect(await toggle(scope, true)).toMatchObject({ kind: 'changed', killSwitch: { version: 3, level: 'halt' } });
    expect(await toggle(scope, false)).toMatchObject({
      kind: 'changed',
      killSwitch: { version: 4, enabled: false, level: null, reason: null, updatedBy: 'ada' },
    });
    expect(await toggle(scope, false)).toMatchObject({ kind: 'unchanged', killSwitch: { version: 4 } });
  });

  it('K6 lets an operator tighten, but never loosen', async () => {
    const scope = 'strategy:roles';
    await toggle(scope, true, { actor: operator });
    expect(await toggle(scope, true, { actor: operator, level: 'reduce' })).toEqual({ kind: 'forbidden' });
    expect(await toggle(scope, false, { actor: operator })).toEqual({ kind: 'forbidden' });
    expect(await toggle(scope, false, { actor: { name: 'rita', role: 'risk-officer' } })).toMatchObject({
      kind: 'changed',
    });
    expect(await toggle(scope, false, { actor: operator })).toMatchObject({ kind: 'unchanged' });
  });

  it('leaves an untouched scope untouched when it is turned off', async () => {
    expect(await toggle('venue:nobody', false)).toMatchObject({
      kind: 'unchanged',
      killSwitch: { version: 0, updatedAt: null },
    });
    const { touched } = await processes[1]!.get(QueryBus).execute(new GetKillSwitches());
    expect(touched.map((killSwitch) => killSwitch.scope)).not.toContain('venue:nobody');
  });

  it('E1 records each change as an event of the same transaction', async () => {
    const scope = 'strategy:events';
    await toggle(scope, true, { reason: 'why not' });
    await toggle(scope, false);
    const { rows } = await probe.query(
      `SELECT event, severity, reason, actor, details->>'scope' AS scope, (details->>'version')::int AS version
       FROM ops_events WHERE details->>'scope' = $1 ORDER BY id`,
      [scope],
    );
    expect(rows).toEqual([
      { event: 'kill_switch_on', severity: 'critical', reason: 'why not', actor: 'ada', scope, version: 1 },
      { event: 'kill_switch_off', severity: 'critical', reason: null, actor: 'ada', scope, version: 2 },
    ]);
  });
});

describe('K2 no admission after the answer', () => {
  /** Admits again and again until told to stop; what it stores is the version of the switch it saw to be off. */
  async function admitUntil(module: TestingModule, scope: Scope, over: () => boolean): Promise<number> {
    const transactions = module.get(Transactions);
    const switches = module.get(KillSwitches);
    let admitted = 0;
    while (!over()) {
      await transactions.run(async (tx) => {
        await switches.lockShared(tx, ['global', scope, 'mode:mock']);
        const enabled = await switches.readEnabled(tx, ['global', scope, 'mode:mock']);
        if (enabled.length > 0) return;
        await tx.query('INSERT INTO admissions_under_test (scope) VALUES ($1)', [scope]);
        admitted++;
      });
    }
    return admitted;
  }

  it('admits nothing after the answer while admissions stream in from two processes', async () => {
    const scope = 'strategy:stream';
    await probe.query(
      'CREATE TABLE admissions_under_test (id bigserial, scope text, at timestamptz DEFAULT clock_timestamp())',
    );
    let over = false;
    const streams = [0, 1, 0, 1, 0, 1].map((index) => admitUntil(processes[index]!, scope, () => over));
    const late: number[] = [];
    try {
      for (let round = 0; round < 60; round++) {
        await toggle(scope, true);
        const before = await probe.query<{ n: number }>('SELECT count(*)::int AS n FROM admissions_under_test');
        await delay(5);
        const after = await probe.query<{ n: number }>('SELECT count(*)::int AS n FROM admissions_under_test');
        late.push(after.rows[0]!.n - before.rows[0]!.n);
        await toggle(scope, false);
        const n = after.rows[0]!.n;
        await eventually('admissions go on after the release', async () => {
          const now = await probe.query<{ n: number }>('SELECT count(*)::int AS n FROM admissions_under_test');
          return now.rows[0]!.n > n;
        });
      }
    } finally {
      over = true;
    }
    const admitted = await Promise.all(streams);
    expect(late.filter((n) => n > 0)).toEqual([]);
    expect(admitted.every((n) => n > 0)).toBe(true);
  });

  it.each(['pg_advisory_xact_lock_shared', 'pg_advisory_xact_lock'])(
    'a frozen process that holds the lock (%s) delays the answer by no more than 3 s, and admits nothing when it wakes',
    async (lock) => {
      const scope = `strategy:frozen-${lock.length}` as Scope;
      const frozen = await holdLock(lock, scope);
      const pressedAt = performance.now();
      expect(await toggle(scope, true)).toMatchObject({ kind: 'changed' });
      expect(performance.now() - pressedAt).toBeLessThan(3_000);

      await expect(frozen.query('COMMIT')).rejects.toThrow(/terminat|not queryable|closed/i);
    },
  );

  it('K2 ends no other toggle that has the lock and is at work, however long it had to wait', async () => {
    const scope = 'strategy:after-another';
    const other = await holdLock('pg_advisory_xact_lock', scope);
    const toggling = toggle(scope, true);
    const pressedAt = performance.now();
    // Past the moment at which whoever is frozen is ended.
    while (performance.now() - pressedAt < 1_400) await other.query('SELECT pg_sleep(0.02)');
    await other.query('COMMIT');
    expect(await toggling).toMatchObject({ kind: 'changed', killSwitch: { version: 1 } });
    await other.end();
  });
});

/** Without the product's own time limit on idle transactions: the button must not depend on it. */
async function holdLock(lock: string, scope: Scope): Promise<Client> {
  const holder = new Client({ connectionString: database.url });
  holder.on('error', () => undefined);
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query(`SELECT ${lock}(hashtextextended('interlock kill switch ' || $1::text, 0))`, [scope]);
  return holder;
}
