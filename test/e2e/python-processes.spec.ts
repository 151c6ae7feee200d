import type { RunView } from '@interlock/execution';
import { Cluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { PYTHON_JOB } from '../support/python-job.js';
import { HAS_PYTHON, isAlive, PythonRepository } from '../support/python-repository.js';

if (!HAS_PYTHON) {
  it('processes of Python are not tested here, because this machine has none', () => expect(HAS_PYTHON).toBe(false));
} else {
  describe('a run of Python over real processes', () => {
    const repository = new PythonRepository();
    let cluster: Cluster;

    beforeAll(async () => {
      repository.module('pipelines.daily_job', PYTHON_JOB);
      const environment = {
        PATH: process.env['PATH'] ?? '/usr/bin:/bin',
        CALIBRATION_PYTHON_PATH: repository.folder,
        AUTO_KILL_SWITCH_ENABLED: 'false',
      };
      cluster = await Cluster.start({ environment });
    }, 60_000);
    afterAll(async () => {
      await cluster.close();
      repository.remove();
    });

    async function started(name: string, wish: Record<string, unknown>): Promise<string> {
      const { status, body } = await cluster.post('/api/execution/start', { dryRun: false, input: { name, ...wish } });
      expect(status).toBe(202);
      return String(body['runId']);
    }

    async function run(runId: string): Promise<RunView> {
      return (await cluster.get(`/api/runs/${runId}`)).body['run'] as RunView;
    }

    const reaches = (runId: string, status: RunView['status']) =>
      eventually(`the run is ${status}`, async () => (await run(runId)).status === status, 20_000);

    /** The process that watches, the entrypoint's own, and one that it has started. */
    async function processesOf(name: string): Promise<number[]> {
      const pids = await eventually(`${name} works`, () => repository.read(`${name}-pids`), 20_000);
      return pids.split(' ').map(Number);
    }

    /** How long it takes until they are gone, in milliseconds. */
    async function timeUntilGone(pids: number[]): Promise<number> {
      const since = performance.now();
      await eventually('its processes are gone', () => !pids.some(isAlive));
      return performance.now() - since;
    }

    it('K3 is silent within 2 s of the cancel and of the kill switch', async () => {
      const canceled = await started('cancel', { endless: true });
      const first = await processesOf('cancel');
      expect(first.every(isAlive)).toBe(true);
      await cluster.post(`/api/runs/${canceled}/cancel`);
      expect(await timeUntilGone(first)).toBeLessThan(2_000);
      await reaches(canceled, 'CANCELED');

      const halted = await started('halt', { endless: true });
      const second = await processesOf('halt');
      await cluster.post('/api/execution/stop', { reason: 'test' });
      expect(await timeUntilGone(second)).toBeLessThan(2_000);
      await reaches(halted, 'CANCELED');
      await cluster.post('/api/execution/stop', { enabled: false });
    });

    it('ends itself within 2 s when its worker is killed, and R1 runs again afterwards', async () => {
      const runId = await started('orphan', { endless: true });
      const pids = await processesOf('orphan');
      const stages = () => run(runId).then((found) => found.stages.map(({ name, status }) => `${name} ${status}`));
      const shows = (stage: string) => eventually(stage, async () => (await stages()).includes(stage), 20_000);
      await shows('call-1 RUNNING');
      await cluster.worker().kill();
      expect(await timeUntilGone(pids)).toBeLessThan(2_000);

      await cluster.worker().startUntilReady();
      await shows('call-2 RUNNING');
      expect((await stages()).toSorted()).toEqual(['call-1 CANCELED', 'call-2 RUNNING', 'entrypoint RUNNING']);
      await cluster.post(`/api/runs/${runId}/cancel`);
      await reaches(runId, 'CANCELED');
    }, 60_000);

    it('R4 ends itself before anybody may take its run over when its worker is frozen', async () => {
      const runId = await started('frozen', { endless: true });
      const pids = await processesOf('frozen');
      cluster.worker().freeze();
      try {
        expect(await timeUntilGone(pids)).toBeLessThan(2_000); // the lease
      } finally {
        cluster.worker().thaw();
      }
      await cluster.post(`/api/runs/${runId}/cancel`);
      await reaches(runId, 'CANCELED');
    }, 60_000);

    it('is ended when its worker is asked to end, and the run is handed back', async () => {
      const runId = await started('shutdown', { endless: true });
      const pids = await processesOf('shutdown');
      await cluster.worker().terminate();
      expect(pids.filter(isAlive)).toEqual([]);
      expect((await run(runId)).status).toBe('QUEUED');
      await cluster.post(`/api/runs/${runId}/cancel`);
      await cluster.worker().startUntilReady();
    }, 60_000);

    it('R6 is not called again once it has succeeded, though the worker dies right then', async () => {
      await cluster.worker().kill();
      cluster.worker().start({ FAULT_POINTS: 'stage-after-result=kill' });
      const runId = await started('once', { reports: true });
      await eventually('the worker dies', () => cluster.worker().state === 'down', 20_000);
      await cluster.worker().startUntilReady();
      await reaches(runId, 'COMPLETED');
      expect(repository.read('once-calls')).toBe('called\n');
      expect((await cluster.get(`/api/runs/${runId}/report`)).body).toMatchObject({ report: { zeta: 0.25 } });
    }, 60_000);

    it('has what it prints in the log of its worker, with the run', async () => {
      const runId = await started('printed', {});
      await reaches(runId, 'COMPLETED');
      const line = cluster
        .worker()
        .log.split('\n')
        .find((one) => one.includes('call 1 of printed'));
      expect(JSON.parse(line ?? '{}')).toMatchObject({ runId, msg: 'call 1 of printed', context: 'python' });
    });
  });
}
