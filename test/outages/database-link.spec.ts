import { setTimeout as delay } from 'node:timers/promises';
import { Cluster } from '../support/cluster.js';
import { createWitnessTable } from '../support/cluster-witness.js';
import { eventually } from '../support/eventually.js';
import { type Relay, startRelay } from '../support/relay.js';
import { expectRecovery, expectStatus, pids } from './recovery.js';
import { Traffic } from './traffic.js';

let cluster: Cluster;
let relay: Relay;

beforeAll(async () => {
  cluster = await Cluster.start({ up: [], prepare: createWitnessTable });
  relay = await startRelay(cluster.database.url);
  for (const program of cluster.programs) program.start({ DATABASE_URL: relay.url });
  await cluster.waitReady();
}, 240_000);
afterAll(async () => {
  await relay.become('cut');
  await cluster.close();
});

describe('a frozen link to PostgreSQL', () => {
  it.each([2_000, 12_000])(
    'R1, K2 for %d ms keeps nobody waiting, claims nothing, and leaves nothing behind',
    async (frozenMs) => {
      const before = pids(cluster);
      const work = { dryRun: false, pipeline: 'witness', input: { workMs: 3_000 } };
      const { body } = await cluster.post('/api/execution/start', work);
      await expectStatus(cluster, String(body['runId']), 'RUNNING');
      const traffic = new Traffic(cluster);
      await delay(500);
      await relay.become('frozen');
      const frozenAt = performance.now();
      await delay(frozenMs);
      const thawedAt = performance.now();
      await relay.become('open');
      await expectRecovery(cluster);
      await traffic.end();

      expect(traffic.faults()).toEqual([]);
      // Sent into the frozen link: whatever needs the database is told so, or that nobody can tell.
      const needing = traffic.between(frozenAt, thawedAt - 1, /^(?!GET .*\/live$)/);
      const answeredMeanwhile = needing.filter(({ sentAt, ms }) => sentAt + ms < thawedAt);
      expect(answeredMeanwhile.length).toBeGreaterThan(0);
      expect(answeredMeanwhile.filter(({ status }) => status !== 503)).toEqual([]);
      const codes = new Set(needing.map(({ status, code }) => (status === 503 ? code : undefined)));
      expect([undefined, 'DATABASE_UNAVAILABLE', 'OUTCOME_UNKNOWN', 'ENQUEUE_FAILED']).toEqual(
        expect.arrayContaining([...codes]),
      );
      await expectStatus(cluster, String(body['runId']), 'COMPLETED');
      expect(pids(cluster)).toEqual(before);
      await expectRecovery(cluster);
      await expectNoStrandedRuns();
    },
    240_000,
  );
});

/** Every run that was accepted comes to an end, and none is left that nobody was told of. */
async function expectNoStrandedRuns(): Promise<void> {
  const open = `SELECT id, status FROM runs WHERE status IN ('QUEUED', 'RUNNING', 'RETRYING')`;
  await eventually('no run is left', async () => (await cluster.database.query(open)).length === 0, 30_000);
}
