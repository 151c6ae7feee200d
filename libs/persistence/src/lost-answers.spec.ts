import { setTimeout as delay } from 'node:timers/promises';
import { SettingsModule } from '@interlock/config';
import { Test, type TestingModule } from '@nestjs/testing';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { eventually } from '../../../test/support/eventually.js';
import { type Relay, startRelay } from '../../../test/support/relay.js';
import { testSettings } from '../../../test/support/settings.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/test-database.js';
import { CommitOutcomeUnknown, isDatabaseUnavailable } from './database-errors.js';
import { DatabaseHealth } from './database-health.js';
import { PersistenceModule } from './persistence.module.js';
import { Transactions } from './transactions.js';

let database: TestDatabase;
let relay: Relay;
let module: TestingModule;
let transactions: Transactions;

beforeEach(async () => {
  database = await createTestDatabase();
  relay = await startRelay(database.url);
  // The pool lends the connection that was given back last: the next statement gets the one that the last has left.
  const settings = testSettings(relay.url, { DATABASE_POOL_MAX: '2' });
  module = await Test.createTestingModule({
    imports: [SettingsModule.forRoot(settings), PersistenceModule.forRoot('interlock-test')],
  }).compile();
  await module.init();
  transactions = module.get(Transactions);
});

afterEach(async () => {
  await relay.become('cut');
  await module.close();
  await database.drop();
});

const answers = () => transactions.run((tx) => tx.query<{ one: number }[]>('SELECT 1 AS one'), { withinMs: 3_000 });

/** How a promise that fails failed, and after how many milliseconds. */
async function failure(promise: Promise<unknown>): Promise<{ error: unknown; ms: number }> {
  const begin = performance.now();
  const error = await promise.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  return { error, ms: performance.now() - begin };
}

describe('a link that swallows answers', () => {
  it('leaves no connection behind on which a lost answer is still awaited', async () => {
    await answers();
    await relay.become('frozen');
    const { error, ms } = await failure(module.get(DataSource).query('SELECT 1'));
    expect([isDatabaseUnavailable(error), ms < 6_000]).toEqual([true, true]);
    await relay.become('open');
    const begin = performance.now();
    expect(await answers()).toEqual([{ one: 1 }]);
    expect(performance.now() - begin).toBeLessThan(2_500);
  });

  it('ends a transaction at its limit, and lets the next one go on at once', async () => {
    await answers();
    await relay.become('frozen');
    const { error, ms } = await failure(transactions.run((tx) => tx.query('SELECT 1'), { withinMs: 500 }));
    expect([isDatabaseUnavailable(error), ms < 2_000]).toEqual([true, true]);
    await relay.become('open');
    expect(await answers()).toEqual([{ one: 1 }]);
  });

  it('R2 tells a commit that was not sent any more from one whose answer was lost', async () => {
    const limit = { withinMs: 1_500 };
    const unsent = await failure(
      transactions.run(async (tx) => {
        await tx.query('SELECT 1');
        await delay(2_000); // the limit passes meanwhile
      }, limit),
    );
    expect([unsent.error instanceof CommitOutcomeUnknown, isDatabaseUnavailable(unsent.error)]).toEqual([false, true]);

    const lost = await failure(
      transactions.run(async (tx) => {
        await tx.query('SELECT 1');
        await relay.become('frozen');
      }, limit),
    );
    expect(lost.error).toBeInstanceOf(CommitOutcomeUnknown);
  });

  it('is told by the health check in time, and so is its end', async () => {
    const health = module.get(DatabaseHealth);
    expect(await health.check()).toMatchObject({ ok: true });
    await relay.become('frozen');
    const begin = performance.now();
    expect(await Promise.all([health.check(), health.check()])).toMatchObject([{ ok: false }, { ok: false }]);
    expect(performance.now() - begin).toBeLessThan(2_000);
    await relay.become('open');
    expect(await health.check()).toMatchObject({ ok: true });
  });
});

describe('a server that takes no writes', () => {
  it('is unhealthy, and is asked anew on another connection', async () => {
    const name = new URL(database.url).pathname.slice(1);
    const probe = new Client({ connectionString: database.url });
    await probe.connect();
    try {
      await probe.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
      await probe.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                         WHERE datname = current_database() AND pid <> pg_backend_pid()`);
      const write = () => transactions.run((tx) => tx.query('CREATE TABLE written (id int)'));
      const health = module.get(DatabaseHealth);
      await eventually('the health check tells', async () => {
        const part = await health.check();
        return !part.ok && part.error === 'the database takes no writes';
      });
      const { error } = await failure(write());
      expect(isDatabaseUnavailable(error)).toBe(true);

      await probe.query(`ALTER DATABASE ${name} RESET default_transaction_read_only`);
      await eventually('writes are taken', () =>
        write().then(
          () => true,
          () => false,
        ),
      );
      expect(await health.check()).toMatchObject({ ok: true });
    } finally {
      await probe.end();
    }
  });
});
