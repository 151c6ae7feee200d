import { EXIT_STATUS } from '@interlock/observability';
import { migrateDatabase } from '@interlock/persistence';
import { Client } from 'pg';
import { migrations } from '../../libs/persistence/src/migrations/index.js';
import { eventually } from '../support/eventually.js';
import { Program } from '../support/program.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { contentsOf, fillAsEarlierRelease, migrateTo } from './earlier-release.js';

/** Tables that have another name since. */
const RENAMED = new Map([['venue_states', 'venue_conditions']]);

const NAMES = migrations.map((migration) => migration.name);
const REPLICAS = 6;

let database: TestDatabase;
let client: Client;
let programs: Program[];

beforeEach(async () => {
  database = await createTestDatabase({ empty: true });
  client = new Client({ connectionString: database.url });
  await client.connect();
  programs = [];
});
afterEach(async () => {
  for (const program of programs) program.kill('SIGKILL');
  await Promise.all(programs.map((program) => program.exit()));
  await client.end();
  await database.drop();
});

function startMigrating(): Program {
  const program = new Program('dist/apps/migrate/main.js', { DATABASE_URL: database.url });
  programs.push(program);
  return program;
}

/** What each of several processes that ended applied. */
async function appliedBy(started: readonly Program[]): Promise<string[][]> {
  const statuses = await Promise.all(started.map((program) => program.exit()));
  expect({ statuses, errors: started.map(({ err }) => err) }).toEqual({
    statuses: started.map(() => 0),
    errors: started.map(() => ''),
  });
  return started.map(({ out }) => (JSON.parse(out.trim().split('\n').at(-1)!) as { applied: string[] }).applied);
}

async function appliedNames(): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>('SELECT name FROM migrations ORDER BY id');
  return rows.map(({ name }) => name);
}

describe('migrations run once, however many replicas start', () => {
  it.each([
    ['an empty database', 0],
    ['the schema of an earlier release', 3],
  ])(
    '%s',
    async (_, count) => {
      if (count > 0) await migrateTo(database.url, count);
      const applied = await appliedBy(Array.from({ length: REPLICAS }, startMigrating));
      expect(applied.filter((names) => names.length > 0)).toEqual([NAMES.slice(count)]);
      expect(await appliedNames()).toEqual(NAMES);
      const queue = await client.query(`SELECT 1 FROM bullmq.migration`);
      expect(queue.rowCount).toBeGreaterThan(0);
    },
    120_000,
  );

  it('one killed in the middle leaves nothing behind, and another does it all', async () => {
    await migrateTo(database.url, 1);
    // A reader, such as a dump, keeps the fifth migration from its table while the second to fourth are done but not committed.
    const release = await readRuns();
    const victim = startMigrating();
    await eventually('the migration waits for the table', () => waitsForTable(client), 60_000);
    victim.kill('SIGKILL');
    await victim.exit();
    const others = Array.from({ length: REPLICAS - 1 }, startMigrating);
    await eventually('another one waits for the table', () => waitsForTable(client), 60_000);
    await release();

    const applied = await appliedBy(others);
    expect(applied.filter((names) => names.length > 0)).toEqual([NAMES.slice(1)]);
    expect(await appliedNames()).toEqual(NAMES);
  }, 180_000);

  it('does not keep others from a table while it waits for it', async () => {
    await migrateTo(database.url, 1);
    const release = await readRuns();
    const migrating = startMigrating();
    await eventually('the migration waits for the table', () => waitsForTable(client), 60_000);
    const reader = new Client({ connectionString: database.url, statement_timeout: 4_000 });
    await reader.connect();
    try {
      // Queues up behind the migration's request for the table, which must be withdrawn before a program's own time is over.
      await expect(reader.query('SELECT count(*) FROM runs')).resolves.toBeDefined();
    } finally {
      await reader.end();
      await release();
    }
    expect(await appliedBy([migrating])).toEqual([NAMES.slice(1)]);
  }, 120_000);
});

describe('what an earlier release stored survives', () => {
  it.each(NAMES.slice(0, -1).map((name, index) => [name, index + 1] as const))(
    'from %s',
    async (_, count) => {
      await migrateTo(database.url, count);
      await fillAsEarlierRelease(client);
      const before = await contentsOf(client);
      await migrateDatabase(database.url);
      const after = await contentsOf(client);
      for (const [name, rows] of before) {
        const table = RENAMED.get(name) ?? name;
        expect({ table, rows: after.get(table) }).toEqual({
          table,
          rows: rows.map((row) => expect.objectContaining(row)),
        });
      }
    },
    60_000,
  );
});

describe('a schema of a later release', () => {
  beforeEach(async () => {
    await appliedBy([startMigrating()]);
    await client.query(`INSERT INTO migrations (timestamp, name) VALUES (1999999999999, 'FromTheFuture1999999999999')`);
  });

  it.each(['api', 'worker', 'migrate'])(
    'is refused by the %s, which says so',
    async (name) => {
      const program = new Program(`dist/apps/${name}/main.js`, { DATABASE_URL: database.url });
      programs.push(program);
      expect(await program.exit()).toBe(EXIT_STATUS.configuration);
      expect(program.err).toMatch(/upgraded by a later version of Interlock.*FromTheFuture1999999999999/);
      expect(program.err).not.toMatch(/\n\s+at /);
    },
    60_000,
  );
});

/** Holds the table as a dump does, until it is released. */
async function readRuns(): Promise<() => Promise<void>> {
  const reader = new Client({ connectionString: database.url });
  await reader.connect();
  await reader.query('BEGIN; LOCK TABLE runs IN ACCESS SHARE MODE');
  return () => reader.end();
}

async function waitsForTable(probe: Client): Promise<boolean> {
  const { rowCount } = await probe.query(
    `SELECT 1 FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'interlock-migrate'
       AND wait_event_type = 'Lock' AND wait_event = 'relation'`,
  );
  return rowCount === 1;
}
