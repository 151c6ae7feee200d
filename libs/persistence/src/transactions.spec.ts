import { SettingsModule } from '@interlock/config';
import { Test, type TestingModule } from '@nestjs/testing';
import { Client, type Pool } from 'pg';
import { DataSource } from 'typeorm';
import { eventually } from '../../../test/support/eventually.js';
import { testSettings } from '../../../test/support/settings.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/test-database.js';
import type { DatabaseClient } from './database-client.js';
import { CommitOutcomeUnknown, isDatabaseUnavailable } from './database-errors.js';
import { PersistenceModule } from './persistence.module.js';
import { LastAnswer, type Transaction, Transactions } from './transactions.js';

let database: TestDatabase;
let module: TestingModule;
let transactions: Transactions;
let probe: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  module = await Test.createTestingModule({
    imports: [SettingsModule.forRoot(testSettings(database.url)), PersistenceModule.forRoot('interlock-test')],
  }).compile();
  await module.init();
  transactions = module.get(Transactions);
  probe = new Client({ connectionString: database.url });
  await probe.connect();
  await probe.query('CREATE TABLE tills (id int PRIMARY KEY, amount int NOT NULL)');
  await probe.query('INSERT INTO tills VALUES (1, 0), (2, 0)');
});

afterAll(async () => {
  await probe.end();
  await module.close();
  await database.drop();
});

async function pidOf(tx: Transaction): Promise<number> {
  const [row] = await tx.query<{ pid: number }[]>('SELECT pg_backend_pid() AS pid');
  return row!.pid;
}

describe('transactions', () => {
  it('K2 run in READ COMMITTED, whatever the database’s default is', async () => {
    await probe.query(
      `ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET default_transaction_isolation = 'serializable'`,
    );
    const other = await Test.createTestingModule({
      imports: [SettingsModule.forRoot(testSettings(database.url)), PersistenceModule.forRoot('interlock-test')],
    }).compile();
    await other.init();
    try {
      const [row] = await other
        .get(Transactions)
        .run((tx) => tx.query<{ level: string }[]>(`SELECT current_setting('transaction_isolation') AS level`));
      expect(row?.level).toBe('read committed');
    } finally {
      await other.close();
    }
  });

  it('roll back when the work throws', async () => {
    const failing = transactions.run(async (tx) => {
      await tx.query('UPDATE tills SET amount = 99 WHERE id = 1');
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    const { rows } = await probe.query('SELECT amount FROM tills WHERE id = 1');
    expect(rows).toEqual([{ amount: 0 }]);
  });

  it('are replayed as a whole after a deadlock', async () => {
    let tries = 0;
    const add = (first: number, second: number) =>
      transactions.run(async (tx) => {
        tries++;
        await tx.query('UPDATE tills SET amount = amount + 1 WHERE id = $1', [first]);
        await tx.query('SELECT pg_sleep(0.1)');
        await tx.query('UPDATE tills SET amount = amount + 1 WHERE id = $1', [second]);
      });
    await Promise.all([add(1, 2), add(2, 1)]);
    const { rows } = await probe.query('SELECT amount FROM tills ORDER BY id');
    expect(rows).toEqual([{ amount: 2 }, { amount: 2 }]);
    expect(tries).toBeGreaterThan(2);
  });

  it('R2 say that the outcome is unknown when the connection is lost during the commit', async () => {
    await probe.query(`
      CREATE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(3); RETURN NULL; END';
      CREATE TABLE slow (id int);
      CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION slow_commit()`);
    let pid = 0;
    const lost = transactions.run(async (tx) => {
      pid = await pidOf(tx);
      await tx.query('INSERT INTO slow VALUES (1)');
    });
    const outcome = lost.catch((error: unknown) => error);
    await eventually('the commit is under way', async () => {
      const { rows } = await probe.query(
        `SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND query = 'COMMIT' AND state = 'active'`,
        [pid],
      );
      return rows.length > 0;
    });
    await probe.query('SELECT pg_terminate_backend($1)', [pid]);
    expect(await outcome).toBeInstanceOf(CommitOutcomeUnknown);
  });

  it('tell a lost database from a fault of the work', async () => {
    const cut = transactions.run(async (tx) => {
      await probe.query('SELECT pg_terminate_backend($1)', [await pidOf(tx)]);
      await tx.query('SELECT 1');
    });
    await expect(cut.catch((error: unknown) => isDatabaseUnavailable(error))).resolves.toBe(true);
    const faulty = transactions.run((tx) => tx.query('SELECT 1/0'));
    await expect(faulty.catch((error: unknown) => isDatabaseUnavailable(error))).resolves.toBe(false);
  });

  it('K2 end a session that sits idle in a transaction, so that a frozen process lets go of its locks', async () => {
    const idle = transactions.run(async (tx) => {
      const pid = await pidOf(tx);
      await eventually('the server ended the session', async () => {
        const { rows } = await probe.query('SELECT 1 FROM pg_stat_activity WHERE pid = $1', [pid]);
        return rows.length === 0;
      });
      await tx.query('SELECT 1');
    });
    await expect(idle).rejects.toThrow(/terminat|closed|not queryable|idle|already released/i);
  });
});

describe('pipelined transactions', () => {
  const amounts = async () => {
    const { rows } = await probe.query<{ amount: number }>('SELECT amount FROM tills ORDER BY id');
    return rows.map(({ amount }) => amount);
  };
  beforeEach(() => probe.query('UPDATE tills SET amount = 0'));

  it('send without waiting for answers, and answer each', async () => {
    const [first, second] = await transactions.pipelined(async (tx) =>
      Promise.all([tx.query('SELECT 1 AS n'), tx.query('SELECT 2 AS n')]),
    );
    expect([first, second]).toEqual([[{ n: 1 }], [{ n: 2 }]]);
  });

  it('commit what the last answer is about', async () => {
    const answer = await transactions.pipelined(async (tx) => {
      await tx.query('UPDATE tills SET amount = 1 WHERE id = 1');
      return new LastAnswer(tx.query('UPDATE tills SET amount = 2 WHERE id = 2 RETURNING amount'));
    });
    expect(answer).toEqual([[{ amount: 2 }], 1]);
    expect(await amounts()).toEqual([1, 2]);
  });

  it('commit nothing when the last statement fails, and say why', async () => {
    const failing = transactions.pipelined(async (tx) => {
      await tx.query('UPDATE tills SET amount = 1 WHERE id = 1');
      return new LastAnswer(tx.query('SELECT 1 / 0'));
    });
    await expect(failing).rejects.toThrow('division by zero');
    expect(await amounts()).toEqual([0, 0]);
  });

  it('commit nothing when the work throws, whatever is still under way', async () => {
    const failing = transactions.pipelined(async (tx) => {
      await tx.query('SELECT 1');
      tx.query('UPDATE tills SET amount = 1 WHERE id = 1').catch(() => undefined);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await amounts()).toEqual([0, 0]);
    // The connection is as good as before.
    expect(await transactions.run((tx) => tx.query('SELECT 3 AS n'))).toEqual([{ n: 3 }]);
  });

  it('K2 cut the connection when the transaction does not begin, so that nothing more is carried out outside of it', async () => {
    const pool = (module.get(DataSource).driver as unknown as { master: Pool }).master;
    pool.once('acquire', (client) => {
      const query = client.query.bind(client) as (...parameters: unknown[]) => unknown;
      const failing = (text: unknown, ...rest: unknown[]) => {
        client.query = query as typeof client.query;
        return query(text === 'START TRANSACTION' ? 'START TRANSACTION ISOLATION LEVEL nonsense' : text, ...rest);
      };
      client.query = failing as typeof client.query;
    });
    const unbegun = transactions.pipelined(async (tx) => {
      await tx.query('SELECT 1');
      await tx.query('UPDATE tills SET amount = 1 WHERE id = 1');
    });
    await expect(unbegun).rejects.toThrow('nonsense');
    expect(await amounts()).toEqual([0, 0]);
  });

  it('R2 say that the outcome is unknown when the last answer never comes', async () => {
    let pid = 0;
    const lost = transactions.pipelined(async (tx) => {
      pid = await pidOf(tx);
      return new LastAnswer(tx.query('SELECT pg_sleep(3)'));
    });
    const outcome = lost.catch((error: unknown) => error);
    await eventually('the last statement is under way', async () => {
      const { rows } = await probe.query(
        `SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND query ~ 'pg_sleep' AND state = 'active'`,
        [pid],
      );
      return rows.length > 0;
    });
    await probe.query('SELECT pg_terminate_backend($1)', [pid]);
    expect(isDatabaseUnavailable(await outcome)).toBe(true);
  });

  it('R2 say that nothing was committed when the connection was lost before the commit', async () => {
    const lost = transactions.pipelined(async (tx, nextSent) => {
      await tx.query('UPDATE tills SET amount = 1 WHERE id = 1');
      const sent = nextSent();
      const answer = tx.query('SELECT pg_sleep(0.3)');
      await sent;
      const connection = (await tx.queryRunner?.connect()) as DatabaseClient | undefined;
      connection?.cut();
      return new LastAnswer(answer);
    });
    const error = await lost.catch((reason: unknown) => reason);
    expect(isDatabaseUnavailable(error)).toBe(true);
    expect(error).not.toBeInstanceOf(CommitOutcomeUnknown);
    expect(await amounts()).toEqual([0, 0]);
  });

  it('are replayed as a whole after a serialization failure of the last statement', async () => {
    let tries = 0;
    await transactions.pipelined(async (tx) => {
      tries += 1;
      await tx.query('UPDATE tills SET amount = amount + 1 WHERE id = 1');
      const fails = tries === 1;
      return new LastAnswer(
        tx.query(fails ? `DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$` : 'SELECT 1'),
      );
    });
    expect(tries).toBe(2);
    expect(await amounts()).toEqual([1, 0]);
  });
});
