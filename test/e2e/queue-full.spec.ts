import type { NestExpressApplication } from '@nestjs/platform-express';
import { Client } from 'pg';
import { createApi } from '../../apps/api/create-api.js';
import { createWorker } from '../../apps/worker/create-worker.js';
import { eventually } from '../support/eventually.js';
import { testSettings } from '../support/settings.js';
import { type Answer, AUTHORIZED, startTestApi, type TestApi } from '../support/test-api.js';

const START = '/api/execution/start';
const LIMIT = 5;
/** Most starts that an api admits at once (SharedBatches), which another one may not see yet. */
const BATCH = 64;

const count = (answers: readonly Answer[], wanted: number) => answers.filter(({ status }) => status === wanted).length;

async function withApi(environment: Record<string, string>, work: (api: TestApi, probe: Client) => Promise<void>) {
  const api = await startTestApi(environment);
  const probe = new Client({ connectionString: api.database.url });
  await probe.connect();
  try {
    await work(api, probe);
  } finally {
    await probe.end();
    await api.close();
  }
}

async function runsIn(probe: Client): Promise<number> {
  const { rows } = await probe.query<{ runs: number }>('SELECT count(*)::int AS runs FROM runs');
  return rows[0]?.runs ?? -1;
}

describe('QUEUE_MAX_WAITING', () => {
  it('R2 refuses exactly what goes beyond, leaves no run of it, and takes more once one no longer waits', async () => {
    await withApi({ QUEUE_MAX_WAITING: String(LIMIT), RUN_START_LIMIT_PER_MIN: '7' }, async (api, probe) => {
      const keyed = await api.post(START, { idempotencyKey: 'first' });
      expect(keyed.status).toBe(202);
      const answers = await Promise.all(Array.from({ length: 200 }, () => api.post(START, {})));
      expect([count(answers, 202), count(answers, 503)]).toEqual([LIMIT - 1, 201 - LIMIT]);
      const full = answers.find(({ status }) => status === 503);
      expect(full?.body).toMatchObject({ ok: false, code: 'QUEUE_FULL' });
      expect(full?.body).not.toHaveProperty('runId');
      expect(full?.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
      expect(await runsIn(probe)).toBe(LIMIT);

      // R3: what is known is answered as ever; what is refused leaves its key free.
      const replayed = await api.post(START, { idempotencyKey: 'first' });
      expect([replayed.status, replayed.body]).toMatchObject([200, { runId: keyed.body.runId, replayed: true }]);
      expect((await api.post(START, { idempotencyKey: 'first', dryRun: false })).status).toBe(422);
      expect((await api.post(START, { idempotencyKey: 'second' })).body.code).toBe('QUEUE_FULL');

      // What would be refused all the same is told so.
      expect((await api.post(START, { maxPosition: 1e9 })).body.code).toBe('MAX_POSITION_EXCEEDED');
      await api.post('/api/execution/stop', {});
      expect((await api.post(START, {})).body.code).toBe('KILL_SWITCH_ON');
      await api.post('/api/execution/stop', { enabled: false });

      expect((await api.post(`/api/runs/${keyed.body.runId}/cancel`)).status).toBe(200);
      expect((await api.post(START, { idempotencyKey: 'second' })).status).toBe(202);
      expect((await api.post(START, {})).body.code).toBe('QUEUE_FULL');
      expect(await runsIn(probe)).toBe(LIMIT + 1);
      const page = (await api.call('/metrics')).body['text'] as string;
      expect(page).toMatch(/interlock_starts_total\{outcome="queue-full"\} 1\d\d\n/);

      // The refused ones have used up nothing of the rate of starts: the seventh is free.
      await probe.query(`UPDATE runs SET status = 'EXPIRED', finished_at = clock_timestamp() WHERE status = 'QUEUED'`);
      expect((await api.post(START, {})).status).toBe(202);
      expect((await api.post(START, {})).body.code).toBe('ORDER_RATE_LIMIT_EXCEEDED');
    });
  });

  it('lets runs through that a worker takes', async () => {
    await withApi({ QUEUE_MAX_WAITING: '1' }, async (api) => {
      expect((await api.post(START, {})).status).toBe(202);
      expect((await api.post(START, {})).status).toBe(503);
      const worker = await createWorker(testSettings(api.database.url));
      await worker.init();
      try {
        for (let run = 0; run < 3; run++) {
          await eventually('there is room again', async () => (await api.post(START, {})).status === 202);
        }
      } finally {
        await worker.close();
      }
    });
  });

  it('is passed by one batch for each further api at most', async () => {
    const limit = 100;
    const environment = { QUEUE_MAX_WAITING: String(limit) };
    await withApi(environment, async (api, probe) => {
      const others: NestExpressApplication[] = [];
      try {
        for (let n = 0; n < 2; n++) {
          const other = await createApi(testSettings(api.database.url, environment));
          others.push(other);
          await other.listen(0, '127.0.0.1');
        }
        const urls = [api.url, ...(await Promise.all(others.map((other) => other.getUrl())))];
        const start = (n: number) => fetch(`${urls[n % 3]}${START}`, { method: 'POST', headers: AUTHORIZED });
        const statuses = (await Promise.all(Array.from({ length: 600 }, (_, n) => start(n)))).map(
          ({ status }) => status,
        );
        const accepted = statuses.filter((status) => status === 202).length;
        expect(new Set(statuses)).toEqual(new Set([202, 503]));
        expect(accepted).toBeGreaterThanOrEqual(limit);
        expect(accepted).toBeLessThanOrEqual(limit + 2 * BATCH);
        expect(await runsIn(probe)).toBe(accepted);
        expect((await fetch(`${urls[1]}${START}`, { method: 'POST', headers: AUTHORIZED })).status).toBe(503);
      } finally {
        await Promise.all(others.map((other) => other.close()));
      }
    });
  });

  it('G3 counts no more than what waits, by an index, and does not exist at 0', async () => {
    await withApi({ QUEUE_MAX_WAITING: '0' }, async (api, probe) => {
      await probe.query(
        `INSERT INTO runs (id, status, mode, dry_run, max_position, pipeline, strategy, input)
         SELECT gen_random_uuid(), CASE WHEN n <= 200 THEN 'QUEUED' ELSE 'COMPLETED' END, 'mock', true, 1, 'calibration', 'x', '{}'
         FROM generate_series(1, 60000) AS n`,
      );
      expect((await api.post(START, {})).status).toBe(202);
      await probe.query('ANALYZE runs');
      const { rows } = await probe.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN SELECT count(*)::integer AS waiting
         FROM (SELECT FROM runs WHERE status IN ('QUEUED', 'RETRYING') LIMIT 100) AS waiting`,
      );
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan).toMatch(/Index (Only )?Scan/);
      expect(plan).not.toContain('Seq Scan');
    });
  });
});
