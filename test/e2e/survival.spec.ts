import { type ExecuteRunResult, ExecuteRun } from '@interlock/execution';
import { CommandBus } from '@nestjs/cqrs';
import type { TestingModule } from '@nestjs/testing';
import { eventually } from '../support/eventually.js';
import { completesAtOnce, RunFixture, runsUntilAborted } from '../support/run-fixture.js';
import { startApiSide } from '../support/run-processes.js';
import { ScriptedPipeline, untilAborted } from '../support/scripted-pipeline.js';

let fixture: RunFixture;
const quick = { JOB_BACKOFF_MS: '50', RUN_LEASE_MS: '2000' };

beforeEach(async () => {
  fixture = await RunFixture.open();
});

afterEach(() => fixture.close());

describe('R3 one key, one run', () => {
  it('makes one run of 50 parallel starts over two replicas, and names it to all of them', async () => {
    const replica = await startApiSide(fixture.database.url, fixture.queue.environment);
    try {
      const results = await Promise.all(
        Array.from({ length: 50 }, (_, n) => fixture.start({ idempotencyKey: 'one' }, n % 2 ? replica : fixture.api)),
      );
      expect(results.filter(({ kind }) => kind === 'accepted')).toHaveLength(1);
      expect(results.filter(({ kind }) => kind === 'replayed')).toHaveLength(49);
      expect(new Set(results.map((result) => 'runId' in result && result.runId)).size).toBe(1);
      const { rows } = await fixture.probe.query('SELECT count(*)::int AS n FROM runs');
      expect(rows).toEqual([{ n: 1 }]);
    } finally {
      await replica.close();
    }
  });

  it('compares parameters after defaults, and keeps keys apart by strategy', async () => {
    const runId = await fixture.accepted({ idempotencyKey: 'k', input: { bins: 10 } });
    const same = await fixture.start({ idempotencyKey: 'k', pipeline: 'calibration', input: { dataset: 'sample' } });
    expect(same).toMatchObject({ kind: 'replayed', runId, status: 'QUEUED' });
    expect(await fixture.start({ idempotencyKey: 'k', input: { bins: 11 } })).toEqual({ kind: 'key-reused', runId });
    expect(await fixture.start({ idempotencyKey: 'k', strategy: 'other' })).toMatchObject({ kind: 'accepted' });
  });

  it('replays while a switch is on, and leaves the key of a refused start free', async () => {
    const runId = await fixture.accepted({ idempotencyKey: 'before' });
    await fixture.toggle('global', true);
    expect(await fixture.start({ idempotencyKey: 'before' })).toMatchObject({ kind: 'replayed', runId });
    expect(await fixture.start({ idempotencyKey: 'during' })).toMatchObject({ kind: 'kill-switch' });
    await fixture.toggle('global', false);
    expect(await fixture.start({ idempotencyKey: 'during' })).toMatchObject({ kind: 'accepted' });
  });

  it('leaves the key free when the queue did not take the job, and tells all who asked with it the same', async () => {
    await fixture.queue.breakDown();
    const failed = await Promise.all([1, 2, 3].map(() => fixture.start({ idempotencyKey: 'k' })));
    await fixture.queue.repair();
    expect(failed.map(({ kind }) => kind)).toEqual(['enqueue-failed', 'enqueue-failed', 'enqueue-failed']);
    expect(await fixture.start({ idempotencyKey: 'k' })).toMatchObject({ kind: 'accepted' });
  });
});

describe('R6 retries', () => {
  it('resume after the stages that were completed, and count their attempts', async () => {
    const work = { prepared: 0, tried: 0 };
    const pipeline = new ScriptedPipeline(async ({ stage }) => {
      const seed = await stage('prepare', () => Promise.resolve({ seed: ++work.prepared }));
      await stage('fit', async () => {
        await Promise.resolve();
        if (++work.tried < 3) throw new Error(`try ${work.tried}`);
      });
      return { report: seed };
    });
    await fixture.worker({ pipelines: [pipeline], environment: quick });
    const runId = await fixture.accepted();
    const done = await fixture.reaches(runId, 'COMPLETED');
    expect(done).toMatchObject({ attempt: 3 });
    expect(done.failure).toBeUndefined();
    expect(work).toEqual({ prepared: 1, tried: 3 });
    expect(await fixture.eventsOf(runId)).toEqual(['worker_failed', 'worker_failed', 'run_completed']);
  });

  it('end FAILED when all attempts are used up, with the last reason', async () => {
    const pipeline = new ScriptedPipeline(({ stage }) => stage('fit', () => Promise.reject(new Error('no'))));
    await fixture.worker({ pipelines: [pipeline], environment: quick });
    const runId = await fixture.accepted();
    const failed = await fixture.reaches(runId, 'FAILED');
    expect(failed).toMatchObject({ attempt: 3, failure: { message: 'fit: no' } });
    expect(await fixture.eventsOf(runId)).toEqual([
      'worker_failed',
      'worker_failed',
      'worker_failed',
      'retry_exhausted',
    ]);
  });

  it('are blocked by a switch that was turned on meanwhile', async () => {
    const pipeline = new ScriptedPipeline(() => Promise.reject(new Error('no')));
    await fixture.worker({ pipelines: [pipeline], environment: { ...quick, JOB_BACKOFF_MS: '1500' } });
    const runId = await fixture.accepted();
    await fixture.reaches(runId, 'RETRYING');
    await fixture.toggle('strategy:default', true);
    await fixture.reaches(runId, 'BLOCKED');
    expect(pipeline.begun.get(runId)).toBe(1);
  });
});

describe('R5 nothing is stranded', () => {
  it('runs a run again within lease + 2 s when its worker is lost, and uses up no attempt of JOB_ATTEMPTS', async () => {
    const runId = await fixture.accepted();
    let begun = 0;
    const pipeline = new ScriptedPipeline(({ signal }) => (++begun === 1 ? untilAborted(signal) : Promise.resolve({})));
    await fixture.worker({ pipelines: [pipeline], environment: { ...quick, JOB_ATTEMPTS: '1' } });
    await fixture.reaches(runId, 'RUNNING');
    const lostAt = performance.now();
    await fixture.loseWorker(runId);
    expect(await fixture.reaches(runId, 'COMPLETED')).toMatchObject({ attempt: 2 });
    expect(performance.now() - lostAt).toBeLessThan(2_000);
  });

  it('gives a run up whose worker is lost for the fifth time', async () => {
    const runId = await fixture.accepted();
    await fixture.worker({ pipelines: [runsUntilAborted()], environment: quick });
    for (let loss = 1; loss <= 5; loss++) {
      await eventually('the run is at its next attempt', async () => {
        const { status, attempt } = await fixture.run(runId);
        return status === 'RUNNING' && attempt === loss;
      });
      await fixture.loseWorker(runId);
    }
    expect((await fixture.reaches(runId, 'FAILED')).failure?.message).toBe('worker: its worker was lost 5 times');
  });

  it('finds a run whose job was lost', async () => {
    const runId = await fixture.accepted();
    await fixture.queue.loseJobs();
    await fixture.probe.query(`UPDATE runs SET nudged_at = nudged_at - interval '5 s'`);
    await fixture.worker({ pipelines: [completesAtOnce()] });
    expect(await fixture.reaches(runId, 'COMPLETED')).toMatchObject({ attempt: 1 });
  });

  it('expires a run that waited too long for its start, rather than executing it late', async () => {
    const [swept, nudged] = [await fixture.accepted(), await fixture.accepted()];
    await fixture.probe.query(`UPDATE runs SET created_at = created_at - interval '2 s'`);
    const pipeline = completesAtOnce();
    await fixture.worker({ pipelines: [pipeline], environment: { RUN_START_MAX_AGE_MS: '1000' } });
    for (const runId of [swept, nudged]) {
      await fixture.reaches(runId, 'EXPIRED');
      expect(await fixture.eventsOf(runId)).toEqual(['run_expired']);
    }
    expect(pipeline.begun.size).toBe(0);
  });

  it('does nothing on a nudge too many', async () => {
    const worker = await fixture.worker({ pipelines: [completesAtOnce()] });
    const runId = await fixture.accepted();
    await fixture.reaches(runId, 'COMPLETED');
    const again: ExecuteRunResult = await worker.get(CommandBus).execute(new ExecuteRun(runId));
    expect(again).toEqual({ kind: 'nothing-to-do' });
  });
});

describe('cancel', () => {
  it('ends a waiting run at once, and a running one as soon as its worker has let go', async () => {
    const waiting = await fixture.accepted();
    expect(await fixture.cancel(waiting)).toEqual({ kind: 'canceled' });
    expect(await fixture.run(waiting)).toMatchObject({
      status: 'CANCELED',
      failure: { message: 'cancel: canceled by ada' },
    });

    await fixture.worker({ pipelines: [runsUntilAborted()] });
    const running = await fixture.accepted();
    await fixture.reaches(running, 'RUNNING');
    expect(await fixture.cancel(running)).toEqual({ kind: 'requested' });
    await fixture.reaches(running, 'CANCELED', 1_500);
    expect(await fixture.cancel(running)).toEqual({ kind: 'already-finished', status: 'CANCELED' });
    for (const runId of [waiting, running]) expect(await fixture.eventsOf(runId)).toEqual(['run_canceled']);
  });

  it('reaches a run whose worker is lost', async () => {
    const runId = await fixture.accepted();
    const pipeline = runsUntilAborted();
    await fixture.worker({ pipelines: [pipeline], environment: quick });
    await fixture.reaches(runId, 'RUNNING');
    await fixture.probe.query(`UPDATE runs SET cancel_requested_by = 'otto' WHERE id = $1`, [runId]); // its notification is lost
    await fixture.loseWorker(runId);
    await fixture.reaches(runId, 'CANCELED');
    expect(pipeline.begun.get(runId)).toBe(1);
  });
});

describe('K7 reduce', () => {
  it('lets running runs go on, also after their worker is lost, and refuses new ones', async () => {
    const runId = await fixture.accepted();
    let begun = 0;
    const pipeline = new ScriptedPipeline(({ signal }) => (++begun === 1 ? untilAborted(signal) : Promise.resolve({})));
    await fixture.worker({ pipelines: [pipeline], environment: quick });
    await fixture.reaches(runId, 'RUNNING');
    await fixture.toggle('global', true, 'reduce');
    expect(await fixture.start()).toMatchObject({ kind: 'kill-switch', killSwitch: { level: 'reduce' } });
    await fixture.loseWorker(runId);
    await fixture.reaches(runId, 'COMPLETED');
  });
});

describe('the automatic kill switch', () => {
  it('turns the global switch on after three runs in a row that failed, once, with its numbers', async () => {
    const pipeline = new ScriptedPipeline(() => Promise.reject(new Error('no')));
    await fixture.worker({ pipelines: [pipeline], environment: { ...quick, JOB_ATTEMPTS: '1' } });
    for (const _ of [1, 2, 3]) await fixture.reaches(await fixture.accepted(), 'FAILED');
    await eventually('starts are refused', async () => (await fixture.start()).kind === 'kill-switch');
    const { rows } = await fixture.probe.query(
      `SELECT actor, details->>'rule' AS rule, details->>'current' AS current, details->>'limit' AS limit
       FROM ops_events WHERE event = 'auto_kill_switch_triggered'`,
    );
    expect(rows).toEqual([{ actor: 'auto-kill-switch', rule: 'consecutiveFailures', current: '3', limit: '3' }]);
  });
});

describe('R7 a silent worker', () => {
  let worker: TestingModule;

  it('is noticed, told and made to consume again', async () => {
    const { ExecutionStartProcessor } = await import('../../apps/worker/execution-start.processor.js');
    worker = await fixture.worker({ pipelines: [completesAtOnce()], environment: { SILENT_WORKER_MS: '1000' } });
    const processor = worker.get(ExecutionStartProcessor);
    await processor.worker.pause(); // it reports to be well, and takes nothing
    const runId = await fixture.accepted();
    await fixture.reaches(runId, 'COMPLETED');
    const { rows } = await fixture.probe.query(`SELECT severity FROM ops_events WHERE event = 'worker_silent'`);
    expect(rows).toEqual([{ severity: 'critical' }]);
  });
});
