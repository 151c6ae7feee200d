import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OpsEvents } from '@interlock/ops-events';
import { Transactions } from '@interlock/persistence';
import type { TestingModule } from '@nestjs/testing';
import { Client } from 'pg';
import { eventually } from '../support/eventually.js';
import { Program } from '../support/program.js';
import { startApiSide } from '../support/run-processes.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { openTestQueue, type TestQueue } from '../support/test-queue.js';
import { answers, WEBHOOK_KEY, WebhookReceiver } from '../support/webhook-receiver.js';

let home: string;
let database: TestDatabase;
let queue: TestQueue;
let receiver: WebhookReceiver;
let api: TestingModule;
let probe: Client;
let workers: Program[];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'interlock-alerts-'));
  [database, receiver] = await Promise.all([createTestDatabase(), WebhookReceiver.start()]);
  queue = await openTestQueue(database.url);
  api = await startApiSide(database.url, { ...queue.environment, ALERT_WEBHOOK_URL: receiver.url });
  probe = new Client({ connectionString: database.url });
  await probe.connect();
  workers = [];
});

afterEach(async () => {
  for (const worker of workers) worker.kill('SIGKILL');
  await Promise.all(workers.map((worker) => worker.exit()));
  await receiver.close();
  await api.close();
  await probe.end();
  await queue.close();
  await database.drop();
  await rm(home, { recursive: true });
});

/** A worker as it is shipped: a process of its own, with its own log. */
async function startWorker(environment: Record<string, string> = {}): Promise<Program> {
  const worker = new Program('dist/apps/worker/main.js', {
    DATABASE_URL: database.url,
    ...queue.environment,
    WORKER_PORT: '0',
    INTERLOCK_HOME: home,
    ALERT_WEBHOOK_URL: receiver.url,
    ALERT_BACKOFF_MS: '50',
    ...environment,
  });
  workers.push(worker);
  await worker.address();
  return worker;
}

/** Has a critical event recorded in this process; its delivery is nudged for the workers. */
async function record(): Promise<string> {
  const runId = randomUUID();
  await api
    .get(Transactions)
    .run((tx) => api.get(OpsEvents).record(tx, { event: 'run_expired', source: 'sweeper', runId }));
  const { rows } = await probe.query<{ id: string }>(
    'SELECT d.id FROM alert_deliveries d JOIN ops_events e ON e.id = d.event_id WHERE e.run_id = $1',
    [runId],
  );
  return rows[0]!.id;
}

async function statusOf(deliveryId: string): Promise<string | undefined> {
  const { rows } = await probe.query<{ status: string }>('SELECT status FROM alert_deliveries WHERE id = $1', [
    deliveryId,
  ]);
  return rows[0]?.status;
}

describe('a worker that delivers alerts, as a process', () => {
  it('E1 leaves a delivery to the next when it is killed in the middle of a post', async () => {
    receiver.answer = answers.hang;
    const killed = await startWorker();
    const id = await record();
    await eventually('the post is under way', () => receiver.posts.length === 1, 20_000);
    killed.kill('SIGKILL');
    await killed.exit();

    receiver.answer = answers.ok;
    const next = await startWorker();
    await eventually('it is delivered', async () => (await statusOf(id)) === 'DELIVERED', 30_000);
    expect(receiver.posts.map(({ headers }) => headers['x-interlock-delivery'])).toEqual([id, id]);
    next.kill('SIGTERM');
    expect(await next.exit()).toBe(0);
  }, 90_000);

  it('E1, E2 logs one line for an event, with its run, and the address nowhere', async () => {
    receiver.answer = answers.status(500);
    const worker = await startWorker({ ALERT_ATTEMPTS: '2', LOG_LEVEL: 'trace' });
    const id = await record();
    await eventually('it is dead', async () => (await statusOf(id)) === 'DEAD', 20_000);
    worker.kill('SIGTERM');
    expect(await worker.exit()).toBe(0);

    expect(worker.err).toBe('');
    const lines = worker.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const { rows } = await probe.query<{ id: string; run_id: string }>(
      `SELECT id, run_id FROM ops_events WHERE event = 'alert_delivery_failed'`,
    );
    expect(rows).toHaveLength(1);
    const told = lines.filter((line) => line['event'] === 'alert_delivery_failed');
    expect(told).toEqual([
      expect.objectContaining({
        level: 'warn',
        msg: 'alert_delivery_failed',
        severity: 'critical',
        id: rows[0]?.id,
        runId: rows[0]?.run_id,
      }),
    ]);
    expect(lines.filter((line) => line['deliveryId'] === id)).toHaveLength(2); // one for each attempt
    expect(worker.out).not.toContain(WEBHOOK_KEY);
    expect(worker.out).not.toContain(new URL(receiver.url).host);
  }, 90_000);

  it('E2 refuses an address that is none by name, without repeating it', async () => {
    const worker = new Program('dist/apps/worker/main.js', {
      ALERT_WEBHOOK_URL: `https://user:${WEBHOOK_KEY}@hooks.example`,
    });
    workers.push(worker);
    expect(await worker.exit()).not.toBe(0);
    expect(worker.err).toContain('ALERT_WEBHOOK_URL must be');
    expect(worker.out + worker.err).not.toContain(WEBHOOK_KEY);
  });
});
