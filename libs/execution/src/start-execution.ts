import type { Actor } from '@interlock/access';
import { Settings } from '@interlock/config';
import { KillSwitches, scopesOver } from '@interlock/kill-switch';
import { BoundedEvents } from '@interlock/ops-events';
import {
  CommitOutcomeUnknown,
  isDatabaseUnavailable,
  newId,
  SharedBatches,
  type Transaction,
  Transactions,
} from '@interlock/persistence';
import { EnqueueFailed, JobQueues } from '@interlock/queue';
import { Logger } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { judgeStart } from './judge-start.js';
import { Pipelines } from './pipelines.js';
import type { RunParams } from './run.js';
import { type NewRun, Runs } from './runs.repository.js';
import { startBlocked, type StartRefusal } from './start-blocked.js';

/** What a caller asks for; `pipeline` absent means the settings' default. */
export type StartRequest = Omit<RunParams, 'pipeline'> & { pipeline?: string };

/** Starts a run, if switches and guards let it (safety.md: R1, R2, K2, G1). */
export class StartExecution extends Command<StartExecutionResult> {
  constructor(
    readonly request: StartRequest,
    readonly actor: Actor,
  ) {
    super();
  }
}

export type StartExecutionResult =
  | { kind: 'accepted'; runId: string; jobId: string; params: RunParams }
  | { kind: 'invalid'; fieldErrors: Record<string, string[]> }
  | StartRefusal
  /** The queue did not take the job; the run will never execute. */
  | { kind: 'enqueue-failed'; runId: string }
  /** The database was lost at a moment that leaves open whether the run will execute. */
  | { kind: 'outcome-unknown'; runId: string };

interface Intent extends NewRun {
  readonly actor: Actor;
}

@CommandHandler(StartExecution)
export class StartExecutionHandler implements ICommandHandler<StartExecution> {
  private readonly logger = new Logger('start-execution');

  /** Concurrent starts share a transaction, and those admitted an enqueue; the next batch is admitted while one is enqueued. */
  private readonly admissions = new SharedBatches<Intent, StartRefusal | 'admitted'>(
    (intents) => this.transactions.run((tx) => this.admit(tx, intents)),
    isDatabaseUnavailable,
  );
  private readonly enqueues = new SharedBatches<string, 'enqueued' | 'enqueue-failed' | 'outcome-unknown'>(
    (runIds) => this.enqueue(runIds),
    () => true,
  );

  constructor(
    private readonly settings: Settings,
    private readonly transactions: Transactions,
    private readonly pipelines: Pipelines,
    private readonly switches: KillSwitches,
    private readonly runs: Runs,
    private readonly boundedEvents: BoundedEvents,
    private readonly queues: JobQueues,
  ) {}

  async execute({ request, actor }: StartExecution): Promise<StartExecutionResult> {
    const completed = await this.complete(request);
    if ('fieldErrors' in completed) return { kind: 'invalid', fieldErrors: completed.fieldErrors };
    const { params } = completed;
    const runId = newId();
    try {
      const admission = await this.admissions.add({ id: runId, params, actor });
      if (admission !== 'admitted') return admission;
    } catch (error) {
      if (error instanceof CommitOutcomeUnknown) return { kind: 'outcome-unknown', runId };
      throw error;
    }
    const outcome = await this.enqueues.add(runId);
    return outcome === 'enqueued' ? { kind: 'accepted', runId, jobId: runId, params } : { kind: outcome, runId };
  }

  /** The request with every default in place, or what is wrong with it. */
  private async complete(
    request: StartRequest,
  ): Promise<{ params: RunParams } | { fieldErrors: Record<string, string[]> }> {
    const name = request.pipeline ?? this.settings.defaultPipeline;
    const pipeline = this.pipelines.find(name);
    if (pipeline === undefined) {
      return { fieldErrors: { pipeline: [`must be one of ${this.pipelines.names.join(', ')}`] } };
    }
    const verdict = await pipeline.checkInput(request.input);
    if (!verdict.ok) return { fieldErrors: verdict.fieldErrors };
    return { params: { ...request, pipeline: name, input: verdict.input } };
  }

  private async admit(tx: Transaction, intents: readonly Intent[]): Promise<(StartRefusal | 'admitted')[]> {
    const scopes = intents.flatMap(({ params }) => scopesOver(params));
    await this.switches.lockShared(tx, scopes);
    // A statement of its own, after the lock: only so does it see a toggle that we waited for (K2).
    const enabled = await this.switches.readEnabled(tx, scopes);
    const judged = intents.map((intent) => ({ intent, refusal: judgeStart(intent.params, enabled, this.settings) }));

    const admitted = judged.filter(({ refusal }) => refusal === undefined);
    await this.runs.insert(
      tx,
      admitted.map(({ intent }) => intent),
    );
    const blocked = judged.flatMap(({ intent: { params, actor }, refusal }) =>
      refusal === undefined ? [] : [startBlocked(params, refusal, { source: 'api', actor: actor.name })],
    );
    await this.boundedEvents.record(tx, blocked);
    return judged.map(({ refusal }) => refusal ?? 'admitted');
  }

  /** Adds the jobs of runs that are committed; what the queue does not confirm is marked before anybody is told (R2). */
  private async enqueue(runIds: readonly string[]): Promise<('enqueued' | 'enqueue-failed' | 'outcome-unknown')[]> {
    try {
      await this.queues.addBulk(
        'execution_start',
        runIds.map((runId) => ({ id: runId, data: { runId } })),
      );
      return runIds.map(() => 'enqueued');
    } catch (error) {
      if (!(error instanceof EnqueueFailed)) throw error;
      this.logger.error({ err: error, runs: runIds.length }, 'jobs could not be enqueued');
    }
    try {
      const marked = await this.transactions.run((tx) => this.runs.markEnqueueFailed(tx, runIds));
      // A run that could not be marked has been claimed: its job did arrive.
      return runIds.map((runId) => (marked.has(runId) ? 'enqueue-failed' : 'enqueued'));
    } catch (error) {
      this.logger.error({ err: error, runIds }, 'runs could not be marked ENQUEUE_FAILED; their outcome is unknown');
      return runIds.map(() => 'outcome-unknown');
    }
  }
}
