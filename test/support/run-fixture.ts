import { ImportSampleDataset } from '@interlock/calibration';
import {
  CancelRun,
  GetRun,
  type RunStatus,
  type RunView,
  StartExecution,
  type StartExecutionResult,
} from '@interlock/execution';
import { type Level, type Scope, ToggleKillSwitch } from '@interlock/kill-switch';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { TestingModule } from '@nestjs/testing';
import { Client } from 'pg';
import { eventually } from './eventually.js';
import { startApiSide, startWorker, type WorkerOptions } from './run-processes.js';
import { ScriptedPipeline, untilAborted } from './scripted-pipeline.js';
import { createTestDatabase, type TestDatabase } from './test-database.js';
import { openTestQueue, type TestQueue } from './test-queue.js';

export const actor = { name: 'ada', role: 'admin' as const };

export const completesAtOnce = () => new ScriptedPipeline(() => Promise.resolve({}));
export const runsUntilAborted = () =>
  new ScriptedPipeline(({ stage, signal }) => stage('trade', () => untilAborted(signal)));

/** A database and a queue of its own, the api's side of runs, and as many workers as the test wants. */
export class RunFixture {
  private readonly workers: TestingModule[] = [];

  private constructor(
    readonly database: TestDatabase,
    readonly queue: TestQueue,
    readonly api: TestingModule,
    readonly probe: Client,
  ) {}

  static async open(environment: Record<string, string> = {}): Promise<RunFixture> {
    const database = await createTestDatabase();
    const queue = await openTestQueue(database.url);
    const api = await startApiSide(database.url, { ...queue.environment, ...environment });
    await api.get(CommandBus).execute(new ImportSampleDataset());
    const probe = new Client({ connectionString: database.url });
    await probe.connect();
    return new RunFixture(database, queue, api, probe);
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.close()));
    await this.api.close();
    await this.probe.end();
    await this.queue.close();
    await this.database.drop();
  }

  async worker(options: WorkerOptions = {}): Promise<TestingModule> {
    const environment = { ...this.queue.environment, ...options.environment };
    const started = await startWorker(this.database.url, { ...options, environment });
    this.workers.push(started);
    return started;
  }

  start(wish: Partial<StartExecution['request']> = {}, api = this.api): Promise<StartExecutionResult> {
    const request = {
      mode: 'mock' as const,
      dryRun: false,
      maxPosition: 1000,
      strategy: 'default',
      input: {},
      ...wish,
    };
    return api.get(CommandBus).execute(new StartExecution(request, actor));
  }

  async accepted(wish: Partial<StartExecution['request']> = {}): Promise<string> {
    const result = await this.start(wish);
    if (result.kind !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(result)}`);
    return result.runId;
  }

  toggle(scope: Scope, enabled: boolean, level: Level = 'halt') {
    return this.api.get(CommandBus).execute(new ToggleKillSwitch({ scope, enabled, level, reason: 'test' }, actor));
  }

  cancel(runId: string) {
    return this.api.get(CommandBus).execute(new CancelRun(runId, actor));
  }

  async run(runId: string): Promise<RunView> {
    const found = await this.api.get(QueryBus).execute(new GetRun(runId));
    if (found === null) throw new Error('no such run');
    return found;
  }

  reaches(runId: string, status: RunStatus, deadlineMs?: number): Promise<RunView> {
    const look = async () => {
      const found = await this.run(runId);
      return found.status === status ? found : undefined;
    };
    return eventually(`run is ${status}`, look, deadlineMs);
  }

  async eventsOf(runId: string): Promise<string[]> {
    const { rows } = await this.probe.query<{ event: string }>(
      'SELECT event FROM ops_events WHERE run_id = $1 ORDER BY id',
      [runId],
    );
    return rows.map((row) => row.event);
  }

  /** As if the worker that holds the run had died that long ago. */
  async loseWorker(runId: string): Promise<void> {
    await this.probe.query(
      `UPDATE runs SET lease_expires_at = clock_timestamp() - interval '1 ms', epoch = epoch + 1 WHERE id = $1`,
      [runId],
    );
  }
}
