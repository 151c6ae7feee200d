import { AlertDeliveries, BoundedEvents, type NewOpsEvent, OpsEvents } from '@interlock/ops-events';
import { Transactions } from '@interlock/persistence';
import { JobQueues } from '@interlock/queue';
import type { TestingModule } from '@nestjs/testing';
import { Client } from 'pg';
import { eventually } from '../support/eventually.js';
import { startApiSide, startWorker } from '../support/run-processes.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { openTestQueue, type TestQueue } from '../support/test-queue.js';
import { answers, WEBHOOK_KEY, WebhookReceiver } from '../support/webhook-receiver.js';

interface DeliveryRow {
  id: string;
  event_id: string;
  status: 'PENDING' | 'DELIVERED' | 'DEAD';
  attempts: number;
  last_error: string | null;
  finished_at: Date | null;
}

let database: TestDatabase;
let queue: TestQueue;
let receiver: WebhookReceiver;
let api: TestingModule;
let probe: Client;
let workers: TestingModule[];

beforeEach(async () => {
  [database, receiver] = await Promise.all([createTestDatabase(), WebhookReceiver.start()]);
  queue = await openTestQueue(database.url);
  api = await startApiSide(database.url, settings());
  probe = new Client({ connectionString: database.url });
  await probe.connect();
  workers = [];
});

afterEach(async () => {
  await receiver.close();
  await Promise.all(workers.map((one) => one.close()));
  await api.close();
  await probe.end();
  await queue.close();
  await database.drop();
});

function settings(wish: Record<string, string> = {}): Record<string, string> {
  return {
    ...queue.environment,
    ALERT_WEBHOOK_URL: receiver.url,
    ALERT_BACKOFF_MS: '100',
    ALERT_TIMEOUT_MS: '1000',
    ...wish,
  };
}

async function worker(wish: Record<string, string> = {}): Promise<TestingModule> {
  const started = await startWorker(database.url, { environment: settings(wish) });
  workers.push(started);
  return started;
}

const killSwitchOn: NewOpsEvent = {
  event: 'kill_switch_on',
  source: 'kill-switch',
  actor: 'ada',
  reason: 'drawdown',
  details: { scope: 'global', level: 'halt' },
};

function record(...events: NewOpsEvent[]): Promise<void> {
  return api.get(Transactions).run((tx) => api.get(OpsEvents).recordAll(tx, events));
}

async function deliveries(): Promise<DeliveryRow[]> {
  const { rows } = await probe.query<DeliveryRow>('SELECT * FROM alert_deliveries ORDER BY id');
  return rows;
}

function eventuallyAll(status: DeliveryRow['status'], count: number): Promise<DeliveryRow[]> {
  return eventually(`${count} deliveries are ${status}`, async () => {
    const rows = await deliveries();
    return rows.length === count && rows.every((row) => row.status === status) ? rows : undefined;
  });
}

async function eventNames(): Promise<string[]> {
  const { rows } = await probe.query<{ event: string }>('SELECT event FROM ops_events ORDER BY id');
  return rows.map((row) => row.event);
}

function jobCount(): Promise<number> {
  return queue.countJobs('alert_delivery');
}

/** As if the last nudge and the time to try were a minute ago. */
async function makeOverdue(): Promise<void> {
  await probe.query(
    `UPDATE alert_deliveries SET next_attempt_at = next_attempt_at - interval '1 minute', nudged_at = nudged_at - interval '1 minute'`,
  );
}

describe('alert deliveries', () => {
  it('E1 posts a critical event once, and nothing of lesser ones', async () => {
    await worker();
    await record(killSwitchOn, { event: 'worker_failed', source: 'worker' });
    const [row] = await eventuallyAll('DELIVERED', 1);
    expect(row).toMatchObject({ attempts: 1, last_error: null, finished_at: expect.any(Date) });
    expect(receiver.posts).toHaveLength(1);
    expect(receiver.posts[0]).toMatchObject({
      headers: { 'x-interlock-delivery': row?.id },
      body: {
        text: '[critical] Kill switch ON: drawdown (by ada, scope global, level halt)',
        event: { id: row?.event_id, ...killSwitchOn, severity: 'critical', at: expect.any(String) },
      },
    });
  });

  it('E1 tries again with growing waits, and says each time which delivery it is', async () => {
    await worker();
    receiver.answer = (response, post) =>
      receiver.posts.length < 4 ? answers.status(503)(response, post) : answers.ok(response, post);
    await record(killSwitchOn);
    const [row] = await eventuallyAll('DELIVERED', 1);
    expect(row).toMatchObject({ attempts: 4, last_error: null });
    expect(new Set(receiver.posts.map(({ headers }) => headers['x-interlock-delivery']))).toEqual(new Set([row?.id]));
    const waits = receiver.posts.slice(1).map(({ at }, index) => at - receiver.posts[index]!.at);
    [100, 200, 400].forEach((atLeast, index) => expect(waits[index]).toBeGreaterThanOrEqual(atLeast - 5));
    expect(waits[2]).toBeLessThan(2_000);
  });

  it.each([
    ['answers 500', answers.status(500), 'HTTP 500'],
    ['redirects', answers.redirectTo('http://127.0.0.1:9/'), 'HTTP 307'],
    ['breaks off', answers.breakOff, expect.stringMatching(/^the connection failed/)],
    ['hangs', answers.hang, 'no complete answer within 200 ms'],
    ['never ends its answer', answers.half, 'no complete answer within 200 ms'],
  ])('E1 ends a delivery DEAD, with an event, when the receiver %s', async (_, answer, lastError) => {
    await worker({ ALERT_ATTEMPTS: '3', ALERT_BACKOFF_MS: '20', ALERT_TIMEOUT_MS: '200' });
    receiver.answer = answer;
    await record({ ...killSwitchOn, runId: '019a0000-0000-7000-8000-000000000001' });
    const [row] = await eventuallyAll('DEAD', 1);
    expect(row).toMatchObject({ attempts: 3, last_error: lastError, finished_at: expect.any(Date) });
    expect(receiver.posts).toHaveLength(3);

    // The news of the dead channel is an event, and no delivery on that channel.
    expect(await eventNames()).toEqual(['kill_switch_on', 'alert_delivery_failed']);
    const { rows } = await probe.query(`SELECT * FROM ops_events WHERE event = 'alert_delivery_failed'`);
    expect(rows).toMatchObject([
      {
        severity: 'critical',
        run_id: '019a0000-0000-7000-8000-000000000001',
        details: {
          deliveryId: row?.id,
          channel: 'webhook',
          event: 'kill_switch_on',
          eventId: row?.event_id,
          attempts: 3,
        },
      },
    ]);
    await eventually('the queue is empty', async () => (await jobCount()) === 0);
  });

  it('E1 finds deliveries again that have no job: the process died before the enqueue, or the queue was emptied', async () => {
    const deliveriesOfApi = api.get(AlertDeliveries);
    // What a process leaves behind that is killed after its commit: event and delivery, and no job.
    await probe.query(`
      WITH event AS (
        INSERT INTO ops_events (id, event, severity, source)
        SELECT gen_random_uuid(), 'run_expired', 'critical', 'sweeper' FROM generate_series(1, 3) RETURNING id)
      INSERT INTO alert_deliveries (id, event_id, channel) SELECT gen_random_uuid(), id, 'webhook' FROM event`);
    expect(await deliveriesOfApi.requeuePending()).toBe(0); // its nudge may still be on the way
    await makeOverdue();
    const found = await Promise.all([1, 2, 3].map(() => deliveriesOfApi.requeuePending()));
    expect(found.reduce((sum, count) => sum + count)).toBe(3); // once each, by however many
    expect(await jobCount()).toBe(3);

    await worker();
    await eventuallyAll('DELIVERED', 3);
    expect(receiver.posts).toHaveLength(3);
    await makeOverdue();
    expect(await deliveriesOfApi.requeuePending()).toBe(0);
  });

  it('E1 sends again what a worker had under way when it was lost, once that worker is given up', async () => {
    await record(killSwitchOn);
    const [row] = await deliveries();
    // A worker that was killed between its claim and its conclusion.
    await probe.query(
      `UPDATE alert_deliveries SET attempts = 1, next_attempt_at = clock_timestamp() + interval '500 milliseconds'`,
    );
    const givenUpAt = performance.now() + 500;
    await worker();
    await eventuallyAll('DELIVERED', 1);
    expect(receiver.posts).toHaveLength(1);
    expect(receiver.posts[0]?.at).toBeGreaterThan(givenUpAt - 50);
    expect(await deliveries()).toMatchObject([{ id: row?.id, attempts: 2 }]);
  });

  it('never posts one delivery from two workers at the same moment', async () => {
    await Promise.all([worker(), worker(), worker()]);
    let open = 0;
    let most = 0;
    receiver.answer = (response) => {
      most = Math.max(most, ++open);
      setTimeout(() => {
        open--;
        response.end();
      }, 50);
    };
    await record(killSwitchOn);
    const [{ id } = { id: '' }] = await deliveries();
    const signal = new AbortController().signal;
    await Promise.all(
      workers.flatMap((one) => Array.from({ length: 10 }, () => one.get(AlertDeliveries).attempt(id, signal))),
    );
    await eventuallyAll('DELIVERED', 1);
    expect(most).toBe(1);
    expect(receiver.posts).toHaveLength(1);
  });

  it('lets a worker that was given up not end what another is at', async () => {
    await worker({ ALERT_ATTEMPTS: '1' });
    receiver.answer = (response, post) => {
      if (receiver.posts.length > 1) return answers.ok(response, post);
      // While the first attempt is under way it is given up, and another worker begins the second.
      return probe
        .query(
          `UPDATE alert_deliveries SET attempts = 2, next_attempt_at = clock_timestamp() + interval '700 milliseconds'`,
        )
        .then(() => response.writeHead(500).end());
    };
    await record(killSwitchOn);
    await eventuallyAll('DELIVERED', 1); // by a third, when the second is given up too
    expect(receiver.posts).toHaveLength(2);
    expect(await deliveries()).toMatchObject([{ attempts: 3 }]);
    expect(await eventNames()).toEqual(['kill_switch_on']);
  });

  it('E1 ends a delivery DEAD when the workers do not know its channel', async () => {
    await worker({ ALERT_WEBHOOK_URL: '', ALERT_ATTEMPTS: '2' });
    await record(killSwitchOn);
    const [row] = await eventuallyAll('DEAD', 1);
    expect(row?.last_error).toBe('this worker has no channel webhook; check its settings');
  });
});

describe('a receiver that hangs', () => {
  it('E1 holds up no recording of events and no connection, and is called four at a time', async () => {
    await worker({ ALERT_TIMEOUT_MS: '3000' });
    receiver.answer = answers.hang;
    const started = performance.now();
    await Promise.all(Array.from({ length: 50 }, () => record(killSwitchOn)));
    expect(performance.now() - started).toBeLessThan(1_500);
    await eventually('four are under way', () => receiver.posts.length === 4);
    await eventually('none of them holds a transaction', async () => {
      const { rows } = await probe.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'`,
      );
      return rows.length === 0;
    });
    expect(receiver.posts).toHaveLength(4);
    await eventually('all are queued', async () => (await jobCount()) === 50);
  });

  it('holds up no shutdown, and uses up no attempt by it', async () => {
    const leaving = await worker({ ALERT_TIMEOUT_MS: '30000' });
    receiver.answer = answers.hang;
    await record(killSwitchOn);
    await eventually('it is under way', () => receiver.posts.length === 1);
    const started = performance.now();
    await leaving.close();
    expect(performance.now() - started).toBeLessThan(4_000);
    expect(await deliveries()).toMatchObject([{ status: 'PENDING', attempts: 0 }]);

    receiver.answer = answers.ok;
    workers = [];
    await worker();
    await eventuallyAll('DELIVERED', 1);
  });
});

describe('what bounded events held back', () => {
  it('is written and told when a whole process ends', async () => {
    const blocked: NewOpsEvent = { event: 'execution_start_blocked', source: 'api', details: { strategy: 'alpha' } };
    const bounded = [1, 2, 3].map(() => ({ key: 'alpha', event: blocked }));
    await api.get(Transactions).run((tx) => api.get(BoundedEvents).record(tx, bounded));
    expect(await deliveries()).toHaveLength(1);
    await api.close();
    expect(await deliveries()).toHaveLength(2);
    expect(await jobCount()).toBe(2); // the queue was still open for the nudge
    const { rows } = await probe.query(`SELECT details -> 'count' AS count FROM ops_events ORDER BY at`);
    expect(rows).toEqual([{ count: 1 }, { count: 2 }]);

    api = await startApiSide(database.url, settings());
    await worker();
    await eventuallyAll('DELIVERED', 2);
  });
});

describe('the queue of deliveries', () => {
  it('may be away: events are recorded all the same, and delivered later', async () => {
    await queue.breakDown();
    const started = performance.now();
    await record(killSwitchOn);
    expect(performance.now() - started).toBeLessThan(1_000);
    await api.close(); // the nudge that fails keeps nobody from ending
    await queue.repair();
    api = await startApiSide(database.url, settings());
    await makeOverdue();
    expect(await api.get(AlertDeliveries).requeuePending()).toBe(1);
    await worker();
    await eventuallyAll('DELIVERED', 1);
  });

  it('drops a job that names no delivery, or one that is over or unknown', async () => {
    const started = await worker();
    await record(killSwitchOn);
    const [row] = await eventuallyAll('DELIVERED', 1);
    await eventually('the queue is empty', async () => (await jobCount()) === 0);
    await started.get(JobQueues).addBulk('alert_delivery', [
      { id: 'names-none', data: { deliveryId: 'none' } },
      { id: row!.id, data: { deliveryId: row!.id } },
    ]);
    await eventually('both are gone', async () => (await jobCount()) === 0);
    const signal = new AbortController().signal;
    const again = started.get(AlertDeliveries).attempt(row!.id, signal);
    await expect(again).resolves.toEqual({ kind: 'nothing-to-do' });
    const unknown = started.get(AlertDeliveries).attempt('019a0000-0000-7000-8000-000000000009', signal);
    await expect(unknown).resolves.toEqual({ kind: 'nothing-to-do' });
    expect(receiver.posts).toHaveLength(1);
  });
});

describe('R7 a worker that takes no deliveries', () => {
  it('is noticed, told and made to take them again', async () => {
    const { AlertDeliveryProcessor } = await import('../../apps/worker/alert-delivery.processor.js');
    const silent = await worker({ SILENT_WORKER_MS: '1000' });
    await silent.get(AlertDeliveryProcessor).worker.pause(); // it reports to be well, and takes nothing
    await record(killSwitchOn);
    await eventuallyAll('DELIVERED', 2); // the second one tells of the silence
    expect(await eventNames()).toEqual(['kill_switch_on', 'worker_silent']);
  });
});

describe('secrets', () => {
  it('E2 are in no row, whatever the receiver does', async () => {
    await worker({ ALERT_ATTEMPTS: '2', ALERT_BACKOFF_MS: '10', ALERT_TIMEOUT_MS: '200' });
    const behaviours = [
      answers.ok,
      answers.status(500),
      answers.hang,
      answers.breakOff,
      answers.redirectTo(receiver.url),
    ];
    receiver.answer = (response, post) => behaviours[receiver.posts.length % behaviours.length]!(response, post);
    await record(...Array.from({ length: 10 }, () => killSwitchOn));
    await eventually('all are over', async () => (await deliveries()).every(({ status }) => status !== 'PENDING'));
    const { rows } = await probe.query<{ rows: string }>(`
      SELECT coalesce(jsonb_agg(to_jsonb(e)), '[]')::text || coalesce((SELECT jsonb_agg(to_jsonb(d)) FROM alert_deliveries d), '[]')::text AS rows
      FROM ops_events e`);
    expect(rows[0]?.rows).not.toContain(WEBHOOK_KEY);
    expect(rows[0]?.rows).not.toContain(new URL(receiver.url).host);
    expect(rows[0]?.rows).toContain('kill_switch_on');
  });
});
