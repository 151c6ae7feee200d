import { SettingsModule } from '@interlock/config';
import { Test, type TestingModule } from '@nestjs/testing';
import { testSettings } from '../../../test/support/settings.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/test-database.js';
import { CommitOutcomeUnknown } from './database-errors.js';
import { PersistenceModule } from './persistence.module.js';
import { afterCommit, unlessCommitted } from './transaction-end.js';
import { type Transaction, Transactions } from './transactions.js';

let database: TestDatabase;
let module: TestingModule;
let transactions: Transactions;
let told: string[];

beforeAll(async () => {
  database = await createTestDatabase();
  module = await Test.createTestingModule({
    imports: [SettingsModule.forRoot(testSettings(database.url)), PersistenceModule.forRoot('interlock-test')],
  }).compile();
  module.useLogger(false);
  await module.init();
  transactions = module.get(Transactions);
});

afterAll(async () => {
  await module.close();
  await database.drop();
});

beforeEach(() => {
  told = [];
});

function watch(tx: Transaction): void {
  afterCommit(tx, () => told.push('committed'));
  unlessCommitted(tx, () => told.push('not committed'));
}

describe('the end of a transaction', () => {
  it('is told after the commit and before the caller goes on', async () => {
    const answer = await transactions.run(async (tx) => {
      watch(tx);
      await tx.query('SELECT 1');
      told.push('work');
      return 'answer';
    });
    expect([...told, answer]).toEqual(['work', 'committed', 'answer']);
  });

  it('is told on the reserved connection too', async () => {
    await transactions.onReservedConnection(async (tx) => watch(tx));
    expect(told).toEqual(['committed']);
  });

  it('is told as not committed when the work throws', async () => {
    const failing = transactions.run(async (tx) => {
      watch(tx);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(told).toEqual(['not committed']);
  });

  it('is told as not committed when the commit is refused', async () => {
    await transactions.run(async (tx) => {
      await tx.query('CREATE TABLE parents (id int PRIMARY KEY)');
      await tx.query('CREATE TABLE children (parent int REFERENCES parents DEFERRABLE INITIALLY DEFERRED)');
    });
    const refused = transactions.run(async (tx) => {
      watch(tx);
      await tx.query('INSERT INTO children VALUES (1)');
    });
    await expect(refused).rejects.toThrow('foreign key');
    expect(told).toEqual(['not committed']);
  });

  it('is told as not committed when nobody knows', async () => {
    const lost = transactions.run(async (tx) => {
      watch(tx);
      await tx.query('SELECT pg_terminate_backend(pg_backend_pid())').catch(() => undefined);
    });
    await expect(lost).rejects.toBeInstanceOf(CommitOutcomeUnknown);
    expect(told).toEqual(['not committed']);
  });

  it('is told once per attempt of a replayed transaction', async () => {
    let attempts = 0;
    await transactions.run(async (tx) => {
      watch(tx);
      attempts++;
      if (attempts === 1) await tx.query(`DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$`);
    });
    expect(told).toEqual(['not committed', 'committed']);
  });

  it('keeps the result when a callback throws, and calls the others', async () => {
    const answer = await transactions.run(async (tx) => {
      afterCommit(tx, () => {
        throw new Error('later');
      });
      watch(tx);
      return 'answer';
    });
    expect([answer, ...told]).toEqual(['answer', 'committed']);
  });

  it('cannot be waited for once it is over', async () => {
    const over = await transactions.run(async (tx) => tx);
    expect(() => afterCommit(over, () => undefined)).toThrow('not a transaction under way');
  });
});
