import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunView } from '@interlock/execution';
import type { TestingModule } from '@nestjs/testing';
import { eventually } from '../support/eventually.js';
import { PYTHON_JOB } from '../support/python-job.js';
import { HAS_PYTHON, PythonRepository } from '../support/python-repository.js';
import { startWorker } from '../support/run-processes.js';
import { startTestApi, type TestApi } from '../support/test-api.js';

const CANARY = { mode: 'mock', dryRun: false, maxPosition: 1000, notes: 'canary-noop' };

let api: TestApi;
let worker: TestingModule;

async function open(variables: Record<string, string>): Promise<void> {
  const environment = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    JOB_BACKOFF_MS: '50',
    AUTO_KILL_SWITCH_ENABLED: 'false',
    ...variables,
  };
  api = await startTestApi(environment);
  worker = await startWorker(api.database.url, { environment });
}

async function close(): Promise<void> {
  await worker.close();
  await api.close();
}

async function started(wish: Record<string, unknown>): Promise<string> {
  const { status, body } = await api.post('/api/execution/start', { ...CANARY, ...wish });
  expect([status, body]).toMatchObject([202, { params: { pipeline: 'python' } }]);
  return String(body.runId);
}

async function run(runId: string): Promise<RunView> {
  const { body } = await api.get(`/api/runs/${runId}`);
  return body['run'] as RunView;
}

/** The run once it is final. */
function ended(runId: string): Promise<RunView> {
  return eventually('the run ends', async () => {
    const found = await run(runId);
    return ['completed', 'failed', 'canceled'].includes(found.state) && found;
  });
}

const stagesOf = ({ stages }: RunView) => stages.map(({ name, status }) => `${name} ${status}`);

describe('without Python', () => {
  beforeAll(() => open({ CALIBRATION_PYTHON_PATH: '.', CALIBRATION_PYTHON_BIN: 'no-such-python' }));
  afterAll(() => close());

  it('a run fails at its first attempt and says what to install or set', async () => {
    const failed = await ended(await started({}));
    expect(failed).toMatchObject({ status: 'FAILED', attempt: 1 });
    expect(failed.failure?.message).toBe(
      'entrypoint: no-such-python was not found: install Python 3.8 or later, or set CALIBRATION_PYTHON_BIN to its path',
    );
  });
});

if (!HAS_PYTHON) {
  it('runs of Python are not tested here, because this machine has none', () => expect(HAS_PYTHON).toBe(false));
} else {
  describe('the canary', () => {
    beforeAll(() => open({ CALIBRATION_ENTRYPOINT_MODULE: 'pipelines.noop_calibration_entrypoint' }));
    afterAll(() => close());

    it('goes all the way without being dry, and leaves no report', async () => {
      const runId = await started({});
      const done = await ended(runId);
      expect(done).toMatchObject({ status: 'COMPLETED', attempt: 1, params: CANARY });
      expect(stagesOf(done)).toEqual(['entrypoint COMPLETED', 'noop COMPLETED']);
      expect((await api.get(`/api/runs/${runId}/report`)).status).toBe(404);
    });
  });

  describe('a calibration repository', () => {
    const repository = new PythonRepository();
    const job = (name: string, wish: Record<string, unknown> = {}) => started({ input: { name, ...wish } });

    beforeAll(() => {
      repository.module('pipelines.daily_job', PYTHON_JOB);
      return open({ CALIBRATION_PYTHON_PATH: repository.folder });
    });
    afterAll(async () => {
      await close();
      repository.remove();
    });

    it('has its daily job run: stages and report are shown, and no secret reaches it', async () => {
      const runId = await job('daily', { reports: true });
      expect(stagesOf(await ended(runId))).toEqual(['entrypoint COMPLETED', 'ingest COMPLETED', 'score COMPLETED']);
      const report = (await api.get(`/api/runs/${runId}/report`)).body['report'] as Record<string, unknown>;
      expect(Object.keys(report)).toEqual(['zeta', 'alpha']);
      expect(report['alpha']).toContain('INTERLOCK_RUN_ID');
      expect(String(report['alpha'])).not.toMatch(/TOKEN|DATABASE/);
    });

    it('is seen working: the stage it is in, and how far it has come', async () => {
      const runId = await job('progress', { waits: true });
      const seen = await eventually('progress is shown', async () =>
        (await run(runId)).stages.find(({ name, progress }) => name === 'score' && progress !== undefined),
      );
      expect(seen).toMatchObject({ status: 'RUNNING', progress: { total: 1_000_000, unit: 'markets' } });
      expect(seen.progress?.done).toBeGreaterThan(0);
      writeFileSync(join(repository.folder, 'progress-go'), '');
      expect(stagesOf(await ended(runId))).toEqual(['entrypoint COMPLETED', 'score COMPLETED', 'ingest COMPLETED']);
    });

    it('R6 is called again after a failure, and the run completes', async () => {
      const done = await ended(await job('flaky', { failures: 1 }));
      expect(done).toMatchObject({ status: 'COMPLETED', attempt: 2 });
      expect(done.failure).toBeUndefined();
      expect(repository.read('flaky-calls')).toBe('called\n'.repeat(2));
    });

    it('fails with the stage and the reason that it reports once all attempts have failed', async () => {
      const failed = await ended(await job('broken', { failures: 99 }));
      expect(failed).toMatchObject({ status: 'FAILED', attempt: 3, failure: { message: 'ingest: feed down' } });
      expect(stagesOf(failed)).toEqual(['entrypoint FAILED', 'ingest FAILED']);
    });
  });
}
