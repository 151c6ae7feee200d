import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../support/eventually.js';
import { Program } from '../support/program.js';
import { startRelay } from '../support/relay.js';
import { RedisServer } from '../support/redis-server.js';
import { completesAtOnce, RunFixture } from '../support/run-fixture.js';

const PASSWORD = 'p@ss-of-redis';

let server: RedisServer;
let fixture: RunFixture | undefined;

beforeEach(async () => {
  fixture = undefined;
  server = await RedisServer.start();
  await server.command('CONFIG', 'SET', 'requirepass', PASSWORD);
});
afterEach(async () => {
  await fixture?.close();
  await server.close();
});

function address(): string {
  return `redis://:${encodeURIComponent(PASSWORD)}@127.0.0.1:${server.port}/3`;
}

it('a Redis with a password and a database carries runs', async () => {
  const environment = { REDIS_URL: address() };
  fixture = await RunFixture.open(environment);
  await fixture.worker({ pipelines: [completesAtOnce()], environment });
  expect(await fixture.reaches(await fixture.accepted(), 'COMPLETED')).toMatchObject({ attempt: 1 });
  expect(await server.command('INFO', 'keyspace')).toMatch(/db3:keys=[1-9]/);
});

it('connections on which nothing comes back any more are given up, and others made', async () => {
  const relay = await startRelay(address());
  const environment = { REDIS_URL: relay.url };
  fixture = await RunFixture.open(environment);
  await fixture.worker({ pipelines: [completesAtOnce()], environment });
  await fixture.reaches(await fixture.accepted(), 'COMPLETED');

  await relay.become('moved');
  expect(await fixture.start()).toMatchObject({ kind: 'enqueue-failed' });
  const accepted = await eventually(
    'a start is accepted',
    async () => {
      const result = await fixture?.start();
      return result?.kind === 'accepted' ? result : undefined;
    },
    60_000,
  );
  await fixture.reaches(accepted.runId, 'COMPLETED');
  await relay.become('cut');
}, 120_000);

it('a program warns of a Redis that evicts, takes its address from a file, and never tells the password', async () => {
  await server.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
  fixture = await RunFixture.open();
  const home = await mkdtemp(join(tmpdir(), 'interlock-redis-address-'));
  await writeFile(join(home, 'redis-url'), `${address()}\n`);
  const worker = new Program('dist/apps/worker/main.js', {
    DATABASE_URL: fixture.database.url,
    QUEUE_BACKEND: 'redis',
    REDIS_URL_FILE: join(home, 'redis-url'),
    WORKER_PORT: '0',
    INTERLOCK_HOME: home,
  });
  try {
    await worker.address();
    await eventually('it warns', () => worker.out.includes('its maxmemory-policy is allkeys-lru'));
    await server.kill();
    await eventually('it tells of the loss', () => worker.out.includes('ECONNREFUSED'));
    expect(worker.out + worker.err).not.toMatch(/ss-of-redis/);
  } finally {
    worker.kill('SIGKILL');
    await worker.exit();
    await rm(home, { recursive: true });
  }
}, 60_000);
