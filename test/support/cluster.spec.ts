import { existsSync } from 'node:fs';
import { Cluster } from './cluster.js';
import { NoAnswer } from './cluster-client.js';
import { eventually } from './eventually.js';

/** Asks until the run has ended; an answer that does not come is asked for again. */
function ended(cluster: Cluster, runId: unknown): Promise<string> {
  return eventually(
    'the run has ended',
    async () => {
      const answer = await cluster.get(`/api/runs/${String(runId)}`).catch(() => undefined);
      const status = (answer?.body['run'] as { status: string } | undefined)?.status;
      return status === 'COMPLETED' || status === 'DRY_RUN_DONE' ? status : undefined;
    },
    30_000,
  );
}

describe('a cluster', () => {
  it('carries runs through the end of any of its processes and of its database', async () => {
    const cluster = await Cluster.start({ apis: 2, workers: [{ WORKER_CONCURRENCY: '2' }] });
    try {
      const first = await cluster.post('/api/execution/start', { dryRun: false }, { api: 1 });
      expect(first.status).toBe(202);
      expect(await ended(cluster, first.body['runId'])).toBe('COMPLETED');

      await cluster.worker().kill();
      await cluster.api(1).kill();
      await expect(cluster.get('/api/health', { api: 1 })).rejects.toThrow(NoAnswer);
      const second = await cluster.post('/api/execution/start', {});
      expect(second.status).toBe(202);
      await cluster.database.stopImmediately();
      expect((await cluster.get('/api/health')).status).toBe(503);

      await cluster.restore();
      expect(await ended(cluster, second.body['runId'])).toBe('DRY_RUN_DONE');
      expect(await cluster.database.cutListeners()).toBeGreaterThan(0);

      cluster.worker().freeze();
      expect(cluster.worker().state).toBe('frozen');
      cluster.worker().thaw();
      await cluster.worker().terminate();
      expect(cluster.worker().log).toContain('ended: 0');
    } finally {
      await cluster.close();
    }
    expect(existsSync(cluster.folder)).toBe(false);
  }, 120_000);
});
