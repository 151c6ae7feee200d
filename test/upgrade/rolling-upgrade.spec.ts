import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXIT_STATUS } from '@interlock/observability';
import { Client } from 'pg';
import { seedDatabase } from '../../apps/cli/seed-database.js';
import { eventually } from '../support/eventually.js';
import { Program } from '../support/program.js';
import { TEST_TOKEN } from '../support/settings.js';
import { AUTHORIZED } from '../support/test-api.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { fillAsEarlierRelease, migrateTo } from './earlier-release.js';

/** What the next release might bring: new tables, columns and indexes, a looser rule, a stricter one for new rows. */
const NEXT_RELEASE = [
  `ALTER TABLE runs ADD COLUMN desk text, ADD COLUMN priority integer NOT NULL DEFAULT 0`,
  `ALTER TABLE ops_events ADD COLUMN acknowledged_at timestamptz`,
  `CREATE TABLE desks (name text PRIMARY KEY, opened_at timestamptz NOT NULL DEFAULT now())`,
  `CREATE INDEX runs_by_desk ON runs (desk, id DESC) WHERE desk IS NOT NULL`,
  `ALTER TABLE runs ADD CONSTRAINT runs_priority CHECK (priority >= 0) NOT VALID`,
  `INSERT INTO migrations (timestamp, name) VALUES (1999999999999, 'Desks1999999999999')`,
];

let database: TestDatabase;
let client: Client;
let home: string;
let programs: Program[];

beforeEach(async () => {
  database = await createTestDatabase({ empty: true });
  client = new Client({ connectionString: database.url });
  await client.connect();
  home = await mkdtemp(join(tmpdir(), 'interlock-upgrade-'));
  programs = [];
});
afterEach(async () => {
  for (const program of programs) program.kill('SIGKILL');
  await Promise.all(programs.map((program) => program.exit()));
  await client.end();
  await database.drop();
  await rm(home, { recursive: true });
});

function start(name: 'api' | 'worker' | 'migrate'): Program {
  const program = new Program(`dist/apps/${name}/main.js`, {
    DATABASE_URL: database.url,
    ADMIN_API_TOKEN: TEST_TOKEN,
    INTERLOCK_HOME: home,
    PORT: '0',
    WORKER_PORT: '0',
  });
  programs.push(program);
  return program;
}

async function startBoth(): Promise<{ api: Program; address: string; worker: Program }> {
  const [api, worker] = [start('api'), start('worker')];
  const [origin] = await Promise.all([api.address(), worker.address()]);
  return { api, address: `${origin}/api`, worker };
}

async function read<T>(address: string): Promise<T> {
  const answer = await fetch(address, { headers: AUTHORIZED });
  return (await answer.json()) as T;
}

async function statusOf(api: string, runId: string): Promise<string> {
  return (await read<{ run: { status: string } }>(`${api}/runs/${runId}`)).run.status;
}

it('R1, K1: programs of this version carry on what the first release left', async () => {
  await migrateTo(database.url, 1);
  const { completedRun, queuedRun, runningRun, event } = await fillAsEarlierRelease(client);
  expect(await start('migrate').exit()).toBe(0);
  const { address: api } = await startBoth();

  expect(await read(`${api}/execution/stop`)).toMatchObject({
    killSwitch: { scope: 'global', enabled: false, version: 4 },
    scopes: expect.arrayContaining([
      expect.objectContaining({
        scope: 'strategy:legacy',
        enabled: true,
        level: 'halt',
        version: 7,
        reason: 'odd fills',
      }),
    ]),
  });
  expect(await read(`${api}/runs/${completedRun}`)).toMatchObject({
    run: { status: 'COMPLETED', attempt: 2, stages: [{ name: 'load' }, { name: 'score' }] },
  });
  expect(await read(`${api}/runs/${completedRun}/report`)).toMatchObject({
    report: { n: 42, brier: 0.03295476190476191 },
  });
  const { items } = await read<{ items: { id: string }[] }>(`${api}/events?event=kill_switch_on`);
  expect(items.map(({ id }) => id)).toEqual([event]);
  for (const runId of [queuedRun, runningRun]) {
    await eventually('the old run ends', async () => (await statusOf(api, runId)) === 'DRY_RUN_DONE', 60_000);
  }
}, 120_000);

it('R1: running programs stay well when the next release adds to the schema under them, but do not start on it anew', async () => {
  expect(await start('migrate').exit()).toBe(0);
  await seedDatabase(database.url);
  const { api, address, worker } = await startBoth();
  const accepted: string[] = [];
  let upgraded = false;
  let startsAfterwards = 0;
  const streaming = (async () => {
    while (startsAfterwards < 20) {
      if (upgraded) startsAfterwards += 1;
      const answer = await fetch(`${address}/execution/start`, { method: 'POST', headers: AUTHORIZED });
      const body = (await answer.json()) as { runId: string };
      expect({ status: answer.status, body }).toMatchObject({ status: 202 });
      accepted.push(body.runId);
    }
  })();
  await Promise.race([streaming, eventually('some starts', () => accepted.length > 5, 60_000)]);
  await client.query(`BEGIN; ${NEXT_RELEASE.join('; ')}; COMMIT`);
  upgraded = true;
  await streaming;

  await eventually(
    'every run ends',
    async () => {
      const { rows } = await client.query<{ status: string; runs: string }>(
        'SELECT status, count(*) AS runs FROM runs GROUP BY 1',
      );
      return rows.length === 1 && rows[0]?.status === 'DRY_RUN_DONE' && Number(rows[0].runs) === accepted.length;
    },
    60_000,
  );
  for (const program of [api, worker]) program.kill('SIGTERM');
  expect(await Promise.all([api.exit(), worker.exit()])).toEqual([0, 0]);
  expect(await start('api').exit()).toBe(EXIT_STATUS.configuration);
}, 120_000);
