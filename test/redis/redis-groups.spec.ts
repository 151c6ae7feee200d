import { JobQueues } from '@interlock/queue';
import { eventually } from '../support/eventually.js';
import { type RedisGroup, holderOfQueue, startRedisCluster, startSentinelGroup } from '../support/redis-groups.js';
import { completesAtOnce, RunFixture } from '../support/run-fixture.js';

const PATIENCE_MS = 60_000;

let group: RedisGroup;
let fixture: RunFixture;

afterEach(async () => {
  await fixture.close();
  await group.close();
});

/** An api's side and a worker whose queue is in the group. */
async function openFixture(): Promise<void> {
  const environment = { REDIS_URL: group.url };
  fixture = await RunFixture.open(environment);
  await fixture.worker({ pipelines: [completesAtOnce()], environment });
}

function health(): Promise<{ ok: boolean }> {
  return fixture.api.get(JobQueues).health();
}

/** Runs are accepted and carried out, at the first attempt each. */
async function expectRuns(): Promise<void> {
  await eventually('the queue answers', async () => (await health()).ok, PATIENCE_MS);
  const accepted = await eventually(
    'a start is accepted',
    async () => {
      const result = await fixture.start();
      return result.kind === 'accepted' ? result : undefined;
    },
    PATIENCE_MS,
  );
  const run = await fixture.reaches(accepted.runId, 'COMPLETED');
  expect(run.attempt).toBe(1);
}

it('a group under sentinels carries runs, and goes on after its master was lost', async () => {
  const sentinelGroup = await startSentinelGroup();
  group = sentinelGroup;
  await openFixture();
  await expectRuns();

  await sentinelGroup.first.kill();
  await eventually('the loss is noticed', async () => !(await health()).ok, PATIENCE_MS);
  expect(await fixture.start()).toMatchObject({ kind: 'enqueue-failed' });
  await eventually(
    'the second one leads',
    async () => String(await sentinelGroup.second.command('ROLE')).startsWith('master'),
    PATIENCE_MS,
  );
  await expectRuns();

  await sentinelGroup.first.restart(); // and follows
  await expectRuns();
}, 180_000);

it('a cluster carries runs, and goes on after the member that holds the queue was away', async () => {
  group = await startRedisCluster();
  await openFixture();
  await expectRuns();

  const holder = await holderOfQueue(group.servers);
  await holder.kill();
  await eventually('the loss is noticed', async () => !(await health()).ok, PATIENCE_MS);
  expect(await fixture.start()).toMatchObject({ kind: 'enqueue-failed' });
  await holder.restart();
  await expectRuns();
}, 180_000);
