import { faultPoint } from '@interlock/observability';
import { SharedBatches, Transactions } from '@interlock/persistence';
import { JobQueues } from '@interlock/queue';
import { Injectable, Logger } from '@nestjs/common';
import { Runs } from './runs.repository.js';

/** `enqueue-failed`: the run will never execute. `outcome-unknown`: nobody can tell whether it will. */
export type EnqueueOutcome = 'enqueued' | 'enqueue-failed' | 'outcome-unknown';

/** The queue takes several batches at once; one that is slow to confirm does not hold up the others. */
const BATCHES_AT_ONCE = 4;

/** Adds the jobs of runs that are committed, several at a time under load. */
@Injectable()
export class RunEnqueues {
  private readonly logger = new Logger('run-enqueues');
  private readonly pending = new Map<string, Promise<EnqueueOutcome>>();
  private readonly batches = new SharedBatches<string, EnqueueOutcome>(
    (runIds) => this.enqueue(runIds),
    () => true,
    { atOnce: () => BATCHES_AT_ONCE },
  );

  constructor(
    private readonly transactions: Transactions,
    private readonly runs: Runs,
    private readonly queues: JobQueues,
  ) {}

  async add(runId: string): Promise<EnqueueOutcome> {
    const outcome = this.batches.add(runId);
    this.pending.set(runId, outcome);
    try {
      return await outcome;
    } finally {
      this.pending.delete(runId);
    }
  }

  /** The outcome for a run that this process is enqueuing just now. */
  underWay(runId: string): Promise<EnqueueOutcome | undefined> {
    return this.pending.get(runId) ?? Promise.resolve(undefined);
  }

  /** What the queue does not confirm is marked in the database before anybody is told (safety.md, R2). */
  private async enqueue(runIds: readonly string[]): Promise<EnqueueOutcome[]> {
    try {
      const jobs = runIds.map((runId) => ({ id: runId, data: { runId } }));
      await this.queues.addBulk('execution_start', jobs);
      return runIds.map(() => 'enqueued');
    } catch (error) {
      // Whatever it was: nobody may be told of a failure while the runs could still execute.
      this.logger.error({ err: error, runs: runIds.length }, 'jobs could not be enqueued');
    }
    try {
      faultPoint('enqueue-before-mark');
      const marked = await this.transactions.run((tx) => this.runs.markEnqueueFailed(tx, runIds));
      // A run that could not be marked has been claimed: its job did arrive.
      return runIds.map((runId) => (marked.has(runId) ? 'enqueue-failed' : 'enqueued'));
    } catch (error) {
      this.logger.error({ err: error, runIds }, 'runs could not be marked ENQUEUE_FAILED; their outcome is unknown');
      return runIds.map(() => 'outcome-unknown');
    }
  }
}
