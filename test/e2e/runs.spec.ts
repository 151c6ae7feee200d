import { CountAbortedRuns, GetRunReport, ListRuns } from '@interlock/execution';
import { Transactions } from '@interlock/persistence';
import { JobQueues } from '@interlock/queue';
import { QueryBus } from '@nestjs/cqrs';
import { HoldLost, Runs } from '../../libs/execution/src/runs.repository.js';
import { completesAtOnce, RunFixture, runsUntilAborted } from '../support/run-fixture.js';
import { startWorker } from '../support/run-processes.js';
import { ScriptedPipeline } from '../support/scripted-pipeline.js';

let fixture: RunFixture;

beforeEach(async () => {
  fixture = await RunFixture.open();
});

afterEach(() => fixture.close());

describe('a run', () => {
  it('R1 carries a calibration of the real sample from its start to its report', async () => {
    await fixture.worker();
    const runId = await fixture.accepted({ notes: 'first' });
    const done = await fixture.reaches(runId, 'COMPLETED');
    expect(done).toMatchObject({ runId, jobId: runId, state: 'completed', attempt: 1 });
    expect(done.params).toEqual({
      mode: 'mock',
      dryRun: false,
      maxPosition: 1000,
      pipeline: 'calibration',
      strategy: 'default',
      notes: 'first',
      input: { dataset: 'sample', bins: 10 },
    });
    expect(done.stages.map(({ name, status }) => [name, status])).toEqual([
      ['load', 'COMPLETED'],
      ['score', 'COMPLETED'],
    ]);
    const result = await fixture.api.get(QueryBus).execute(new GetRunReport(runId));
    if (result.kind !== 'found') throw new Error(result.kind);
    expect(result.report).toMatchObject({ dataset: 'sample', n: 42 });
    expect(result.report['brier']).toBeCloseTo(0.032955, 6);
    expect(await fixture.eventsOf(runId)).toEqual(['run_completed']);
  });

  it('ends DRY_RUN_DONE without running the pipeline when it is dry', async () => {
    const pipeline = completesAtOnce();
    await fixture.worker({ pipelines: [pipeline] });
    const runId = await fixture.accepted({ dryRun: true });
    expect((await fixture.reaches(runId, 'DRY_RUN_DONE')).stages).toEqual([]);
    expect(pipeline.begun.size).toBe(0);
    expect(await fixture.api.get(QueryBus).execute(new GetRunReport(runId))).toEqual({ kind: 'no-report' });
  });

  it('fails with stage and reason when its pipeline does', async () => {
    const singular = new ScriptedPipeline(({ stage }) =>
      stage('fit', () => Promise.reject(new Error('singular matrix'))),
    );
    await fixture.worker({ pipelines: [singular], environment: { JOB_ATTEMPTS: '1' } });
    const failed = await fixture.reaches(await fixture.accepted(), 'FAILED');
    expect(failed.failure).toEqual({ stage: 'fit', reason: 'singular matrix', message: 'fit: singular matrix' });
    expect(failed.stages).toMatchObject([{ name: 'fit', status: 'FAILED' }]);
  });

  it('names what is wrong with an unknown pipeline, dataset or input', async () => {
    expect(await fixture.start({ pipeline: 'nope' })).toEqual({
      kind: 'invalid',
      fieldErrors: { pipeline: ['must be one of calibration, orders, python'] },
    });
    expect(await fixture.start({ input: { dataset: 'nope' } })).toEqual({
      kind: 'invalid',
      fieldErrors: { 'input.dataset': ['there is no dataset nope'] },
    });
    const faulty = await fixture.start({ input: { bins: 2.5, colour: 'red' } });
    expect(faulty).toMatchObject({
      fieldErrors: {
        'input.bins': ['must be a whole number from 2 to 100'],
        'input.colour': ['is not a known field'],
      },
    });
  });

  it('is listed newest first, page by page, filtered', async () => {
    const runIds = [];
    for (const strategy of ['a', 'b', 'a', 'b', 'a']) runIds.push(await fixture.accepted({ strategy }));
    const page = await fixture.api.get(QueryBus).execute(new ListRuns({ strategy: 'a', statuses: ['QUEUED'] }, 2));
    expect(page.items.map(({ runId }) => runId)).toEqual([runIds[4], runIds[2]]);
    const rest = await fixture.api.get(QueryBus).execute(new ListRuns({ strategy: 'a' }, 2, page.nextCursor ?? ''));
    expect(rest).toMatchObject({ items: [{ runId: runIds[0] }], nextCursor: null });
  });
});

describe('the kill switch over runs', () => {
  it('K2 refuses a start under each scope that stands over it, leaves no run, and tells in an event', async () => {
    for (const scope of ['global', 'mode:mock', 'strategy:default'] as const) {
      await fixture.toggle(scope, true);
      expect(await fixture.start()).toMatchObject({ kind: 'kill-switch', killSwitch: { scope } });
      await fixture.toggle(scope, false);
    }
    await fixture.toggle('strategy:other', true);
    await fixture.accepted();
    const { rows } = await fixture.probe.query(`SELECT count(*)::int AS runs FROM runs`);
    expect(rows).toEqual([{ runs: 1 }]);
    const blocked = await fixture.probe.query(
      `SELECT details->>'rule' AS rule, actor FROM ops_events WHERE event = 'execution_start_blocked'`,
    );
    expect(blocked.rows).toEqual([{ rule: 'killSwitch', actor: 'ada' }]); // bounded: the others wait for the 10 s to end
  });

  it('R2 blocks a run that was queued before the switch at its claim', async () => {
    const pipeline = completesAtOnce();
    const runId = await fixture.accepted();
    await fixture.toggle('global', true);
    await fixture.worker({ pipelines: [pipeline] });
    expect((await fixture.reaches(runId, 'BLOCKED')).failure?.reason).toBe('global is halted by the kill switch: test');
    expect(pipeline.begun.size).toBe(0);
    expect(await fixture.eventsOf(runId)).toEqual(['execution_start_blocked']);
  });

  it('K3 aborts running work at once, and counts it', async () => {
    await fixture.worker({ pipelines: [runsUntilAborted()] });
    const halted = await fixture.accepted();
    const spared = await fixture.accepted({ strategy: 'other' });
    await Promise.all([halted, spared].map((runId) => fixture.reaches(runId, 'RUNNING')));

    const pressedAt = performance.now();
    const toggled = await fixture.toggle('strategy:default', true);
    if (toggled.kind !== 'changed') throw new Error(toggled.kind);
    const count = () => fixture.api.get(QueryBus).execute(new CountAbortedRuns(toggled.killSwitch));
    expect(await count()).toBe(1);
    const canceled = await fixture.reaches(halted, 'CANCELED');
    expect(performance.now() - pressedAt).toBeLessThan(900); // by notification, not by the reading each second
    expect(canceled.stages).toMatchObject([{ name: 'trade', status: 'CANCELED' }]);
    expect(await fixture.eventsOf(halted)).toEqual(['run_canceled']);
    expect(await count()).toBe(1);
    expect((await fixture.run(spared)).status).toBe('RUNNING');
    await fixture.toggle('mode:mock', true);
    await fixture.reaches(spared, 'CANCELED');
  });
});

describe('refusals and losses', () => {
  it('G2 checks maxPosition at the start and again at the claim', async () => {
    expect(await fixture.start({ maxPosition: 1_000_000.5 })).toMatchObject({
      kind: 'refused',
      refusal: { code: 'MAX_POSITION_EXCEEDED', details: { current: '1000000.5', limit: '1000000' } },
    });
    const runId = await fixture.accepted({ maxPosition: 500 });
    await fixture.worker({ environment: { MAX_POSITION_LIMIT: '499.5' } });
    await fixture.reaches(runId, 'BLOCKED');
  });

  it('R2 marks a run whose job the queue did not take before it says so, and never executes it', async () => {
    const pipeline = completesAtOnce();
    await fixture.queue.breakDown();
    const result = await fixture.start();
    await fixture.queue.repair();
    if (result.kind !== 'enqueue-failed') throw new Error(result.kind);
    expect((await fixture.run(result.runId)).status).toBe('ENQUEUE_FAILED');

    // Even when a job turns up after all.
    await fixture.worker({ pipelines: [pipeline] });
    await fixture.api.get(JobQueues).addBulk('execution_start', [{ id: result.runId, data: { runId: result.runId } }]);
    const later = await fixture.accepted();
    await fixture.reaches(later, 'COMPLETED');
    expect((await fixture.run(result.runId)).status).toBe('ENQUEUE_FAILED');
    expect([...pipeline.begun.keys()]).toEqual([later]);
  });

  it('R4 refuses everything that an earlier holder writes', async () => {
    const runId = await fixture.accepted();
    const transactions = fixture.api.get(Transactions);
    const runs = fixture.api.get(Runs);
    const claim = (owner: string) =>
      transactions.run(async (tx) => {
        const over = { scopes: ['global'], modes: ['mock'] } as const;
        const { runs: claimable } = await runs.openClaims(tx, [runId], over, 300_000);
        const holds = await runs.claim(
          tx,
          claimable.map((run) => run.runId),
          owner,
          60_000,
        );
        return holds.get(runId) ?? null;
      });
    const first = await claim('first');
    expect(first).toEqual({ runId, epoch: 1, attempt: 1, failures: 0, dryRun: false });
    expect(await claim('second')).toBeNull();

    await fixture.probe.query(
      `UPDATE runs SET lease_expires_at = clock_timestamp() - interval '1 second' WHERE id = $1`,
      [runId],
    );
    const second = await claim('second');
    expect(second).toEqual({ runId, epoch: 2, attempt: 2, failures: 0, dryRun: false });
    const earlier = { runId, epoch: 1, attempt: 1, failures: 0 };
    for (const write of [
      () => transactions.run((tx) => runs.renew(tx, earlier, 1_000)),
      () => transactions.run((tx) => runs.end(tx, earlier, 'COMPLETED', {})),
      () => transactions.run((tx) => runs.handBack(tx, earlier)),
    ]) {
      await expect(write()).rejects.toBeInstanceOf(HoldLost);
    }
    expect((await fixture.run(runId)).status).toBe('RUNNING');
  });

  it('hands running work back at shutdown without using up an attempt, and another worker finishes it', async () => {
    const first = await startWorker(fixture.database.url, {
      pipelines: [runsUntilAborted()],
      environment: fixture.queue.environment,
    });
    const runId = await fixture.accepted();
    await fixture.reaches(runId, 'RUNNING');
    await first.close();
    expect(await fixture.run(runId)).toMatchObject({ status: 'QUEUED', attempt: 0 });
    await fixture.worker({ pipelines: [completesAtOnce()] });
    expect((await fixture.reaches(runId, 'COMPLETED')).attempt).toBe(1);
  });
});
