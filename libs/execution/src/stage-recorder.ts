import { faultPoint } from '@interlock/observability';
import { Transactions } from '@interlock/persistence';
import { RunAborted } from './running-runs.js';
import { PipelineFailed, type ReportProgress, type StageProgress } from './pipeline.js';
import type { StageStatus } from './run.entity.js';
import { RunStages } from './run-stages.repository.js';
import { HoldLost, type Hold } from './runs.repository.js';

/** Progress is stored at most this often. */
const PROGRESS_INTERVAL_MS = 500;

/** Carries out the stages of one attempt and stores what becomes of them. */
export class StageRecorder {
  private position = 0;
  /** The stage that is under way, or the last one: where a failure happened. */
  current = 'start';

  /** @param completed results of the stages that earlier attempts completed */
  constructor(
    private readonly transactions: Transactions,
    private readonly stages: RunStages,
    private readonly hold: Hold,
    private readonly signal: AbortSignal,
    private readonly completed: ReadonlyMap<string, unknown>,
  ) {}

  async carryOut<T>(name: string, work: (progress: ReportProgress) => Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    this.current = name;
    const position = this.position++;
    // What is stored went through JSON, as every stage's result must bear.
    if (this.completed.has(name)) return this.completed.get(name) as T;

    await this.transactions.run((tx) => this.stages.begin(tx, this.hold, name, position));
    try {
      const result = await work(this.progressOf(name));
      this.signal.throwIfAborted();
      faultPoint('stage-before-result');
      await this.transactions.run((tx) => this.stages.end(tx, this.hold, name, 'COMPLETED', result));
      faultPoint('stage-after-result');
      return result;
    } catch (error) {
      await this.endQuietly(name, this.signal.aborted || error instanceof RunAborted ? 'CANCELED' : 'FAILED');
      throw error instanceof PipelineFailed || error instanceof HoldLost || this.signal.aborted
        ? error
        : failed(name, error);
    }
  }

  /** The run's own end is what counts; a stage that cannot be marked (the hold is lost, the database gone) changes nothing. */
  private async endQuietly(name: string, status: StageStatus): Promise<void> {
    await this.transactions.run((tx) => this.stages.end(tx, this.hold, name, status)).catch(() => undefined);
  }

  private progressOf(name: string): ReportProgress {
    let storedAt = performance.now();
    let storing = false;
    return (progress: StageProgress) => {
      if (storing || performance.now() - storedAt < PROGRESS_INTERVAL_MS) return;
      storing = true;
      storedAt = performance.now();
      void this.transactions
        .run((tx) => this.stages.progress(tx, this.hold, name, progress))
        .catch(() => undefined)
        .finally(() => {
          storing = false;
        });
    };
  }
}

function failed(stage: string, error: unknown): PipelineFailed {
  const reason = error instanceof Error ? error.message : String(error);
  const failure = new PipelineFailed({ stage, reason: reason.slice(0, 500) }, true);
  failure.cause = error;
  return failure;
}
