import { CommandBus } from '@nestjs/cqrs';
import type { TestingModule } from '@nestjs/testing';
import { Client } from 'pg';
import { eventually } from '../../../test/support/eventually.js';
import { startKillSwitch } from '../../../test/support/kill-switch-module.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/test-database.js';
import { KillSwitchWatch } from './kill-switch-watch.js';
import { ToggleKillSwitch } from './toggle-kill-switch.js';

let database: TestDatabase;
let api: TestingModule;
let worker: TestingModule;
let watch: KillSwitchWatch;
let probe: Client;

beforeEach(async () => {
  database = await createTestDatabase();
  [api, worker] = [await startKillSwitch(database.url), await startKillSwitch(database.url)];
  watch = worker.get(KillSwitchWatch);
  await watch.start();
  const server = new URL(database.url);
  server.pathname = '/postgres';
  probe = new Client({ connectionString: server.href });
  await probe.connect();
});

afterEach(async () => {
  await setReachable(true);
  await Promise.all([api.close(), worker.close()]);
  await probe.end();
  await database.drop();
});

const name = () => new URL(database.url).pathname.slice(1);

async function halt(scope: 'global' | 'strategy:a'): Promise<void> {
  await api
    .get(CommandBus)
    .execute(new ToggleKillSwitch({ scope, enabled: true, level: 'halt' }, { name: 'a', role: 'admin' }));
}

/** Cuts everybody off from the database and keeps them out, or lets them in again. */
async function setReachable(reachable: boolean): Promise<void> {
  await probe.query(`ALTER DATABASE ${name()} ALLOW_CONNECTIONS ${String(reachable)}`);
  if (!reachable)
    await probe.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name()]);
}

async function cutListeners(): Promise<number> {
  const { rowCount } = await probe.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND application_name LIKE 'interlock-listen%'`,
    [name()],
  );
  return rowCount ?? 0;
}

describe('watching the kill switches', () => {
  it('K3 learns of a halt in another process by notification', async () => {
    expect(watch.haltOver(['global'])).toBeUndefined();
    const pressedAt = performance.now();
    await halt('strategy:a');
    await eventually('the halt is known', () => watch.haltOver(['global', 'strategy:a']), 900);
    expect(performance.now() - pressedAt).toBeLessThan(900); // sooner than the next reading by time alone
    expect(watch.haltOver(['global', 'strategy:b'])).toBeUndefined();
  });

  it('K5 learns of it within a second or so with the notification link cut', async () => {
    expect(await cutListeners()).toBeGreaterThan(0);
    await halt('global');
    await eventually('the halt is known', () => watch.haltOver(['global']), 3_000);
  });

  it('K5 counts as halted when it could not read for 5 s, and sees again when it can', async () => {
    await setReachable(false);
    const cutAt = performance.now();
    const reacted = new Promise<number>((resolve) => {
      watch.onReading(() => watch.blind && resolve(performance.now() - cutAt));
    });
    const after = await reacted;
    expect(watch.haltOver(['strategy:anything'])).toEqual({ kind: 'blind' });
    expect(after).toBeGreaterThan(3_900);
    expect(after).toBeLessThan(8_000);

    await setReachable(true);
    await eventually('the switches are read again', () => !watch.blind);
    expect(watch.haltOver(['global'])).toBeUndefined();
  });
});
