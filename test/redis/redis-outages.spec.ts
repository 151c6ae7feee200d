import { setTimeout as delay } from 'node:timers/promises';
import { Cluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { askHealth, expectRecovery, pids, start, statuses } from '../support/outages.js';
import type { RedisServer } from '../support/redis-server.js';

const READY = [200, 200, 200, 200];
const UNREADY = [503, 503, 503, 503];

let cluster: Cluster;
let redis: RedisServer;

beforeAll(async () => {
  cluster = await Cluster.start();
  if (cluster.redis === undefined) throw new Error('this suite belongs to the project redis');
  redis = cluster.redis;
}, 120_000);
afterAll(() => cluster.close());

beforeEach(async () => {
  await cluster.restore();
  await expectRecovery(cluster);
}, 90_000);

/** A start is refused within 5 s, and health and readiness of both programs say within 2 s that the queue is why. */
async function refusedInTime(): Promise<void> {
  expect(await start(cluster)).toMatchObject({ status: 503, body: { code: 'ENQUEUE_FAILED' } });
  // What health found out a moment ago counts for that moment.
  const unready = async () => (await statuses(cluster)).every((status, n) => status === UNREADY[n]);
  await eventually('health and readiness say so', unready);
}

async function statusOf(runId: unknown): Promise<string | undefined> {
  const [run] = await cluster.database.query<{ status: string }>('SELECT status FROM runs WHERE id = $1', [runId]);
  return run?.status;
}

describe('Redis', () => {
  it.each([1, 30])(
    'may be gone for %d s: health and starts say so in time, and all carry on by themselves',
    async (seconds) => {
      const before = pids(cluster);
      await redis.kill();
      const until = performance.now() + seconds * 1_000;
      do {
        await refusedInTime();
        await delay(200);
      } while (performance.now() < until);
      const { body } = await askHealth(`${cluster.api().url}/api/health`);
      expect(body).toMatchObject({ ok: false, db: { ok: true }, queue: { ok: false, backend: 'redis' } });
      await redis.restart();
      await expectRecovery(cluster);
      expect(pids(cluster)).toEqual(before);
    },
    120_000,
  );

  it('R2 does not execute what was refused while it was gone', async () => {
    await redis.kill();
    const { body } = await start(cluster);
    await redis.restart();
    await expectRecovery(cluster);
    expect(await statusOf(body['runId'])).toBe('ENQUEUE_FAILED');
  }, 60_000);

  it('may stand still without a word: connections to it are given up, and all carry on once it answers', async () => {
    const before = pids(cluster);
    redis.freeze();
    await refusedInTime();
    redis.thaw();
    await expectRecovery(cluster);
    expect(pids(cluster)).toEqual(before);
  }, 60_000);

  it('may be away when the processes start, and also while they end', async () => {
    await redis.kill();
    for (const program of cluster.programs) {
      await program.terminate();
      expect(program.log).toMatch(/ended: 0\n$/);
      program.start();
    }
    const listening = () => cluster.programs.every(({ url }) => url !== undefined);
    await eventually('both listen', listening, 30_000);
    await refusedInTime();
    for (const program of cluster.programs) {
      await program.terminate();
      expect(program.log).toMatch(/ended: 0\n$/);
      program.start();
    }
    await eventually('both listen', listening, 30_000);
    await refusedInTime();
    const before = pids(cluster);
    await redis.restart();
    await expectRecovery(cluster);
    expect(pids(cluster)).toEqual(before);
  }, 120_000);

  it('R5 may lose everything while runs wait: they are carried out all the same', async () => {
    await cluster.worker().kill();
    const { status, body } = await start(cluster);
    expect(status).toBe(202);
    await redis.empty();
    cluster.worker().start();
    await cluster.waitReady();
    await eventually('it is carried out', async () => (await statusOf(body['runId'])) === 'DRY_RUN_DONE', 30_000);
    await redis.empty(); // under workers that are at rest
    await expectRecovery(cluster);
  }, 90_000);

  it('may be full: starts are refused, readiness says so, and the end of it is noticed', async () => {
    const before = pids(cluster);
    expect(await statuses(cluster)).toEqual(READY);
    await redis.fill();
    await refusedInTime();
    await redis.makeRoom();
    await expectRecovery(cluster);
    expect(pids(cluster)).toEqual(before);
  }, 60_000);
});
