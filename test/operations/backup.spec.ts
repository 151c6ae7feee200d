import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { seedDatabase } from '../../apps/cli/seed-database.js';
import { eventually } from '../support/eventually.js';
import { Program } from '../support/program.js';
import { TEST_TOKEN } from '../support/settings.js';
import { AUTHORIZED } from '../support/test-api.js';
import { contentsOf } from '../upgrade/earlier-release.js';
import { findTools, SystemServer } from './postgres-tools.js';

/*
 * docs/operations.md, "Backup and restore", with PostgreSQL's own tools where they are installed. (The embedded server ships none,
 * and an older pg_dump refuses a newer server.)
 */
const tools = findTools();

let folder: string;
const servers: SystemServer[] = [];
const programs: Program[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'interlock-backup-'));
  chmodSync(folder, 0o777);
});
afterAll(async () => {
  for (const program of programs) program.kill('SIGKILL');
  await Promise.all(programs.map((program) => program.exit()));
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(folder, { recursive: true, force: true });
});

async function keep(starting: Promise<SystemServer>): Promise<SystemServer> {
  const server = await starting;
  servers.push(server);
  return server;
}

function start(name: 'api' | 'worker' | 'migrate', url: string): Program {
  const program = new Program(`dist/apps/${name}/main.js`, {
    DATABASE_URL: url,
    ADMIN_API_TOKEN: TEST_TOKEN,
    INTERLOCK_HOME: folder,
    PORT: '0',
    WORKER_PORT: '0',
  });
  programs.push(program);
  return program;
}

async function end(program: Program): Promise<void> {
  program.kill('SIGTERM');
  expect(await program.exit()).toBe(0);
}

async function call<T>(url: string, body?: object): Promise<T> {
  const init =
    body === undefined
      ? { headers: AUTHORIZED }
      : { method: 'POST', headers: { ...AUTHORIZED, 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const answer = await fetch(url, init);
  expect({ url, status: answer.status }).toEqual({
    url,
    status: body !== undefined && url.endsWith('start') ? 202 : 200,
  });
  return (await answer.json()) as T;
}

async function untilStatus(api: string, runId: string, status: string): Promise<void> {
  const isThere = async () => (await call<{ run: { status: string } }>(`${api}/runs/${runId}`)).run.status === status;
  await eventually(`the run is ${status}`, isThere, 120_000);
}

async function contents(url: string): Promise<Map<string, Record<string, unknown>[]>> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await contentsOf(client);
  } finally {
    await client.end();
  }
}

/** A system that has done something: a run with its report, a switch that is on, and a run that still waits. */
async function use(url: string): Promise<{ completed: string; waiting: string }> {
  expect(await start('migrate', url).exit()).toBe(0);
  await seedDatabase(url);
  const [program, worker] = [start('api', url), start('worker', url)];
  const api = `${await program.address()}/api`;
  await worker.address();
  const run = { pipeline: 'calibration', dryRun: false };
  const { runId: completed } = await call<{ runId: string }>(`${api}/execution/start`, run);
  await untilStatus(api, completed, 'COMPLETED');
  await end(worker);
  await call(`${api}/execution/stop`, { scope: 'strategy:alpha', reason: 'odd fills' });
  const { runId: waiting } = await call<{ runId: string }>(`${api}/execution/start`, run);
  await end(program);
  return { completed, waiting };
}

(tools === undefined ? describe.skip : describe)('backups', () => {
  it('R1, K1: a dump without the queue, restored elsewhere, has everything, and what waited is carried out', async () => {
    const server = await keep(SystemServer.make(tools!, join(folder, 'data')));
    await server.tool('createdb', ['interlock']);
    const { completed, waiting } = await use(server.url('interlock'));

    const dump = join(folder, 'interlock.dump');
    await server.tool('pg_dump', ['-d', 'interlock', '-Fc', '--exclude-schema=bullmq', '-f', dump]);
    await server.tool('createdb', ['restored']);
    await server.tool('pg_restore', ['-d', 'restored', '--no-owner', '--exit-on-error', dump]);
    const [original, restored] = [server.url('interlock'), server.url('restored')];
    expect(await contents(restored)).toEqual(await contents(original));

    // Makes the queue's schema anew.
    expect(await start('migrate', restored).exit()).toBe(0);
    const program = start('api', restored);
    start('worker', restored);
    const api = `${await program.address()}/api`;
    expect(await call(`${api}/execution/stop`)).toMatchObject({
      scopes: expect.arrayContaining([expect.objectContaining({ scope: 'strategy:alpha', enabled: true, version: 1 })]),
    });
    expect(await call(`${api}/runs/${completed}/report`)).toMatchObject({ report: { n: 42 } });
    await untilStatus(api, waiting, 'COMPLETED');
  }, 300_000);

  it('a base backup of the running server starts by itself and has everything', async () => {
    const server = servers[0]!;
    const copy = join(folder, 'base');
    await server.tool('pg_basebackup', ['-D', copy, '-X', 'stream', '-c', 'fast']);
    const second = await keep(SystemServer.start(tools!, copy));
    expect(await contents(second.url('interlock'))).toEqual(await contents(server.url('interlock')));
  }, 180_000);
});
