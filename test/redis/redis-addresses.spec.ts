import { JobQueues } from '@interlock/queue';
import { eventually } from '../support/eventually.js';
import { completesAtOnce } from '../support/run-fixture.js';
import { RunFixture } from '../support/run-fixture.js';
import { RedisServer } from '../support/redis-server.js';

const servers: RedisServer[] = [];
let fixture: RunFixture | undefined;

async function startRedis(...options: string[]): Promise<RedisServer> {
  const server = await RedisServer.start(options);
  servers.push(server);
  return server;
}

afterEach(async () => {
  await fixture?.close();
  fixture = undefined;
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** The attempt with which a run was completed whose queue is at this address. */
async function runWith(address: string): Promise<number> {
  const environment = { REDIS_URL: address };
  fixture = await RunFixture.open(environment);
  await fixture.worker({ pipelines: [completesAtOnce()], environment });
  const { api } = fixture;
  await eventually('the queue answers', async () => (await api.get(JobQueues).health()).ok);
  const { attempt } = await fixture.reaches(await fixture.accepted(), 'COMPLETED');
  return attempt;
}

it('a Redis with a password and a database is reached', async () => {
  const server = await startRedis();
  await server.command('CONFIG', 'SET', 'requirepass', 'p@ss');
  expect(await runWith(`redis://:p%40ss@127.0.0.1:${server.port}/3`)).toBe(1);
});
