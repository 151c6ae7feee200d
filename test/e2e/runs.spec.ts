import { ImportSampleDataset } from '@interlock/calibration';
import {
  CountAbortedRuns,
  GetRun,
  GetRunReport,
  ListRuns,
  type RunStatus,
  type RunView,
  StartExecution,
  type StartExecutionResult,
} from '@interlock/execution';
import { type Scope, ToggleKillSwitch } from '@interlock/kill-switch';
import { Transactions } from '@interlock/persistence';
import { JobQueues } from '@interlock/queue';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { TestingModule } from '@nestjs/testing';
import { Client } from 'pg';
import { HoldLost, Runs } from '../../libs/execution/src/runs.repository.js';
import { eventually } from '../support/eventually.js';
import { startApiSide, startWorker, type WorkerOptions } from '../support/run-processes.js';
import { ScriptedPipeline, untilAborted } from '../support/scripted-pipeline.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const actor = { name: 'ada', role: 'admin' as const };

let database: TestDatabase;
let api: TestingModule;
let probe: Client;
let workers: TestingModule[];

beforeEach(async () => {
  database = await createTestDatabase();
  api = await startApiSide(database.url);
  await api.get(CommandBus).execute(new ImportSampleDataset());
  probe = new Client({ connectionString: database.url });
  await probe.connect();
  workers = [];
});

afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.close()));
  await api.close();
  await probe.end();
  await database.drop();
});

async function worker(options: WorkerOptions = {}): Promise<TestingModule> {
  const started = await startWorker(database.url, options);
  workers.push(started);
  return started;
}

const completesAtOnce = () => new ScriptedPipeline(() => Promise.resolve({}));
const runsUntilAborted = () => new ScriptedPipeline(({ stage, signal }) => stage('trade', () => untilAborted(signal)));

function start(wish: Partial<StartExecution['request']> = {}): Promise<StartExecutionResult> {
  const request = { mode: 'mock' as const, dryRun: false, maxPosition: 1000, strategy: 'default', input: {}, ...wish };
  return api.get(CommandBus).execute(new StartExecution(request, actor));
}

async function accepted(wish: Partial<StartExecution['request']> = {}): Promise<string> {
  const result = await start(wish);
  if (result.kind !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(result)}`);
  return result.runId;
}

function toggle(scope: Scope, enabled: boolean) {
  const wish = { scope, enabled, level: 'halt' as const, reason: 'test' };
  return api.get(CommandBus).execute(new ToggleKillSwitch(wish, actor));
}

async function run(runId: string): Promise<RunView> {
  const found = await api.get(QueryBus).execute(new GetRun(runId));
  if (found === null) throw new Error('no such run');
  return found;
}

function reaches(runId: string, status: RunStatus): Promise<RunView> {
  return eventually(`run is ${status}`, async () => {
    const found = await run(runId);
    return found.status === status ? found : undefined;
  });
}

async function eventsOf(runId: string): Promise<string[]> {
  const { rows } = await probe.query<{ event: string }>('SELECT event FROM ops_events WHERE run_id = $1 ORDER BY id', [
    runId,
  ]);
  return rows.map((row) => row.event);
}

describe('a run', () => {
  it('R1 carries a calibration of the real sample from its start to its report', async () => {
    await worker();
    const runId = await accepted({ notes: 'first' });
    const done = await reaches(runId, 'COMPLETED');
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
    const result = await api.get(QueryBus).execute(new GetRunReport(runId));
    if (result.kind !== 'found') throw new Error(result.kind);
    expect(result.report).toMatchObject({ dataset: 'sample', n: 42 });
    expect(result.report['brier']).toBeCloseTo(0.032955, 6);
    expect(await eventsOf(runId)).toEqual(['run_completed']);
  });

  it('ends DRY_RUN_DONE without running the pipeline when it is dry', async () => {
    const pipeline = completesAtOnce();
    await worker({ pipelines: [pipeline] });
    const runId = await accepted({ dryRun: true });
    expect((await reaches(runId, 'DRY_RUN_DONE')).stages).toEqual([]);
    expect(pipeline.begun.size).toBe(0);
    expect(await api.get(QueryBus).execute(new GetRunReport(runId))).toEqual({ kind: 'no-report' });
  });

  it('fails with stage and reason when its pipeline does', async () => {
    const singular = new ScriptedPipeline(({ stage }) =>
      stage('fit', () => Promise.reject(new Error('singular matrix'))),
    );
    await worker({ pipelines: [singular], environment: { JOB_ATTEMPTS: '1' } });
    const failed = await reaches(await accepted(), 'FAILED');
    expect(failed.failure).toEqual({ stage: 'fit', reason: 'singular matrix', message: 'fit: singular matrix' });
    expect(failed.stages).toMatchObject([{ name: 'fit', status: 'FAILED' }]);
  });

  it('names what is wrong with an unknown pipeline, dataset or input', async () => {
    expect(await start({ pipeline: 'nope' })).toEqual({
      kind: 'invalid',
      fieldErrors: { pipeline: ['must be one of calibration'] },
    });
    expect(await start({ input: { dataset: 'nope' } })).toEqual({
      kind: 'invalid',
      fieldErrors: { 'input.dataset': ['there is no dataset nope'] },
    });
    const faulty = await start({ input: { bins: 2.5, colour: 'red' } });
    expect(faulty).toMatchObject({
      fieldErrors: {
        'input.bins': ['must be a whole number from 2 to 100'],
        'input.colour': ['is not a known field'],
      },
    });
  });

  it('is listed newest first, page by page, filtered', async () => {
    const runIds = [];
    for (const strategy of ['a', 'b', 'a', 'b', 'a']) runIds.push(await accepted({ strategy }));
    const page = await api.get(QueryBus).execute(new ListRuns({ strategy: 'a', statuses: ['QUEUED'] }, 2));
    expect(page.items.map(({ runId }) => runId)).toEqual([runIds[4], runIds[2]]);
    const rest = await api.get(QueryBus).execute(new ListRuns({ strategy: 'a' }, 2, page.nextCursor ?? ''));
    expect(rest).toMatchObject({ items: [{ runId: runIds[0] }], nextCursor: null });
  });
});

describe('the kill switch over runs', () => {
  it('K2 refuses a start under each scope that stands over it, leaves no run, and tells in an event', async () => {
    for (const scope of ['global', 'mode:mock', 'strategy:default'] as const) {
      await toggle(scope, true);
      expect(await start()).toMatchObject({ kind: 'kill-switch', killSwitch: { scope } });
      await toggle(scope, false);
    }
    await toggle('strategy:other', true);
    await accepted();
    const { rows } = await probe.query(`SELECT count(*)::int AS runs FROM runs`);
    expect(rows).toEqual([{ runs: 1 }]);
    const blocked = await probe.query(
      `SELECT details->>'rule' AS rule, actor FROM ops_events WHERE event = 'execution_start_blocked'`,
    );
    expect(blocked.rows).toEqual([{ rule: 'killSwitch', actor: 'ada' }]); // bounded: the others wait for the 10 s to end
  });

  it('R2 blocks a run that was queued before the switch at its claim', async () => {
    const pipeline = completesAtOnce();
    const runId = await accepted();
    await toggle('global', true);
    await worker({ pipelines: [pipeline] });
    expect((await reaches(runId, 'BLOCKED')).failure?.reason).toBe('global is halted by the kill switch: test');
    expect(pipeline.begun.size).toBe(0);
    expect(await eventsOf(runId)).toEqual(['execution_start_blocked']);
  });

  it('K3 aborts running work at once, and counts it', async () => {
    await worker({ pipelines: [runsUntilAborted()] });
    const halted = await accepted();
    const spared = await accepted({ strategy: 'other' });
    await Promise.all([halted, spared].map((runId) => reaches(runId, 'RUNNING')));

    const pressedAt = performance.now();
    const toggled = await toggle('strategy:default', true);
    if (toggled.kind !== 'changed') throw new Error(toggled.kind);
    const count = () => api.get(QueryBus).execute(new CountAbortedRuns(toggled.killSwitch));
    expect(await count()).toBe(1);
    const canceled = await reaches(halted, 'CANCELED');
    expect(performance.now() - pressedAt).toBeLessThan(900); // by notification, not by the reading each second
    expect(canceled.stages).toMatchObject([{ name: 'trade', status: 'CANCELED' }]);
    expect(await eventsOf(halted)).toEqual(['run_canceled']);
    expect(await count()).toBe(1);
    expect((await run(spared)).status).toBe('RUNNING');
    await toggle('mode:mock', true);
    await reaches(spared, 'CANCELED');
  });
});

describe('refusals and losses', () => {
  it('G2 checks maxPosition at the start and again at the claim', async () => {
    expect(await start({ maxPosition: 1_000_000.5 })).toMatchObject({
      kind: 'refused',
      refusal: { code: 'MAX_POSITION_EXCEEDED', details: { current: '1000000.5', limit: '1000000' } },
    });
    const runId = await accepted({ maxPosition: 500 });
    await worker({ environment: { MAX_POSITION_LIMIT: '499.5' } });
    await reaches(runId, 'BLOCKED');
  });

  it('R2 marks a run whose job the queue did not take before it says so, and never executes it', async () => {
    const pipeline = completesAtOnce();
    await probe.query('ALTER SCHEMA bullmq RENAME TO bullmq_gone');
    const result = await start();
    await probe.query('ALTER SCHEMA bullmq_gone RENAME TO bullmq');
    if (result.kind !== 'enqueue-failed') throw new Error(result.kind);
    expect((await run(result.runId)).status).toBe('ENQUEUE_FAILED');

    // Even when a job turns up after all.
    await worker({ pipelines: [pipeline] });
    await api.get(JobQueues).addBulk('execution_start', [{ id: result.runId, data: { runId: result.runId } }]);
    const later = await accepted();
    await reaches(later, 'COMPLETED');
    expect((await run(result.runId)).status).toBe('ENQUEUE_FAILED');
    expect([...pipeline.begun.keys()]).toEqual([later]);
  });

  it('R4 refuses everything that an earlier holder writes', async () => {
    const runId = await accepted();
    const transactions = api.get(Transactions);
    const runs = new Runs();
    const claim = (owner: string) =>
      transactions.run(async (tx) => {
        const claimable = await runs.lockClaimable(tx, runId, 300_000);
        return claimable === null ? null : runs.claim(tx, runId, owner, 60_000);
      });
    const first = await claim('first');
    expect(first).toEqual({ runId, epoch: 1, attempt: 1, failures: 0 });
    expect(await claim('second')).toBeNull();

    await probe.query(`UPDATE runs SET lease_expires_at = clock_timestamp() - interval '1 second' WHERE id = $1`, [
      runId,
    ]);
    const second = await claim('second');
    expect(second).toEqual({ runId, epoch: 2, attempt: 2, failures: 0 });
    const earlier = { runId, epoch: 1, attempt: 1, failures: 0 };
    for (const write of [
      () => transactions.run((tx) => runs.renew(tx, earlier, 1_000)),
      () => transactions.run((tx) => runs.end(tx, earlier, 'COMPLETED', {})),
      () => transactions.run((tx) => runs.handBack(tx, earlier)),
    ]) {
      await expect(write()).rejects.toBeInstanceOf(HoldLost);
    }
    expect((await run(runId)).status).toBe('RUNNING');
  });

  it('hands running work back at shutdown without using up an attempt, and another worker finishes it', async () => {
    const first = await startWorker(database.url, { pipelines: [runsUntilAborted()] });
    const runId = await accepted();
    await reaches(runId, 'RUNNING');
    await first.close();
    expect(await run(runId)).toMatchObject({ status: 'QUEUED', attempt: 0 });
    await worker({ pipelines: [completesAtOnce()] });
    expect((await reaches(runId, 'COMPLETED')).attempt).toBe(1);
  });
});
