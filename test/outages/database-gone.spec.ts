import { setTimeout as delay } from 'node:timers/promises';
import { Cluster } from '../support/cluster.js';
import { createWitnessTable, readWitness } from '../support/cluster-witness.js';
import { eventually } from '../support/eventually.js';
import { expectRecovery, expectStatus, pids } from './recovery.js';
import { ask, Traffic } from './traffic.js';

let cluster: Cluster;
let traffic: Traffic | undefined;

beforeAll(async () => {
  cluster = await Cluster.start({ apis: 2, workers: 2, prepare: createWitnessTable });
}, 240_000);
afterEach(async () => {
  await traffic?.end();
  traffic = undefined;
});
afterAll(() => cluster.close());

/** Starts work that takes so long, and waits until a worker is at it. */
async function startWork(workMs: number): Promise<string> {
  const body = { dryRun: false, pipeline: 'witness', input: { workMs }, strategy: 'working' };
  const { body: answer } = await cluster.post('/api/execution/start', body);
  const runId = String(answer['runId']);
  await expectStatus(cluster, runId, 'RUNNING');
  return runId;
}

async function expectEndedOnce(runId: string, event: string): Promise<void> {
  const ends = await cluster.database.query<{ event: string }>(
    `SELECT event FROM ops_events WHERE run_id = $1 AND event IN ('run_completed', 'run_canceled', 'retry_exhausted', 'run_expired')`,
    [runId],
  );
  expect(ends).toEqual([{ event }]);
}

/** Everything that is answered while the database is certainly away: 503 wherever it is needed. */
function expectUnavailable(from: number, to: number): void {
  const needing = traffic!.between(from, to, /^(?!GET .*\/live$)/);
  expect(needing.length).toBeGreaterThan(0);
  expect(needing.filter(({ status }) => status !== 503)).toEqual([]);
  const refused = needing.filter(({ request }) => !request.includes('/health'));
  expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(['DATABASE_UNAVAILABLE']));
  expect(refused.filter(({ retryAfter }) => retryAfter !== '1')).toEqual([]);
  const alive = traffic!.between(from, to, /\/live$/);
  expect(alive.filter(({ status }) => status !== 200)).toEqual([]);
}

describe('PostgreSQL gone', () => {
  it('R1 for a second: whatever needs it is refused in time, and work goes on when it is back', async () => {
    const before = pids(cluster);
    const runId = await startWork(6_000);
    traffic = new Traffic(cluster);
    await delay(500);
    await cluster.database.stopImmediately();
    const goneAt = performance.now();
    await delay(1_000);
    const backAt = performance.now();
    await cluster.database.restart();
    await expectRecovery(cluster);
    await traffic.end();

    expect(traffic.faults()).toEqual([]);
    expectUnavailable(goneAt, backAt);
    // The work itself fails with the database, or its lease is lost; either way it is done again and ends once.
    await expectStatus(cluster, runId, 'COMPLETED');
    await expectEndedOnce(runId, 'run_completed');
    expect(pids(cluster)).toEqual(before);
  }, 240_000);

  it('R1, K5 for 30 s: running work is aborted, a stop works at once when it is back, no process is lost', async () => {
    const before = pids(cluster);
    const runId = await startWork(120_000);
    traffic = new Traffic(cluster);
    await delay(500);
    await cluster.database.stopImmediately();
    const goneAt = performance.now();
    await delay(30_000);
    const backAt = performance.now();
    await cluster.database.restart();
    const pressed = await eventually('a stop is answered', async () => {
      const answer = await ask(cluster.api(), 'POST', '/api/execution/stop', { scope: 'strategy:working' });
      return answer.status === 503 ? undefined : answer;
    });
    expect([pressed.status, pressed.ms < 3_000]).toEqual([200, true]);
    await expectRecovery(cluster);
    await traffic.end();

    expect(traffic.faults()).toEqual([]);
    expectUnavailable(goneAt, backAt);
    await expectStatus(cluster, runId, 'CANCELED');
    await expectEndedOnce(runId, 'run_canceled');
    expect(pids(cluster)).toEqual(before);
    for (const worker of cluster.workers) expect(worker.log).toContain('the kill switches are out of sight for 5 s');
    // Nobody worked on after the stop's answer.
    const beats = (await readWitness(cluster.database)).filter((testimony) => testimony.runId === runId);
    expect(beats.at(-1)?.kind).not.toBe('end');
  }, 240_000);
});
