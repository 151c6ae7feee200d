import { faultPoint } from '@interlock/observability';
import { type Transaction, Transactions } from '@interlock/persistence';
import { Logger } from '@nestjs/common';
import { RunAborted } from './running-runs.js';
import { PipelineFailed, type ReportProgress, type ShownStage, type StageProgress } from './pipeline.js';
import type { StageStatus } from './run.js';
import { RunStages } from './run-stages.repository.js';
import { HoldLost, type Hold } from './runs.repository.js';

/** Progress is stored at most this often. */
const PROGRESS_INTERVAL_MS = 500;
/** And told in the log at most this often. */
const LOG_INTERVAL_MS = 5_000;

/** More than that are not shown: each is a row. */
const MOST_SHOWN = 200;

/** Carries out the stages of one attempt and stores what becomes of them. */
export class StageRecorder {
  private readonly logger = new Logger('stages');
  private position = 0;
  private readonly shown = new Map<string, { status: StageStatus; progress: ReportProgress }>();
  /** Writes what is shown, one after the other. */
  private showing: Promise<void> = Promise.resolve();
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
      await this.endShown('COMPLETED');
      faultPoint('stage-before-result');
      await this.transactions.run((tx) => this.stages.end(tx, this.hold, name, 'COMPLETED', result));
      faultPoint('stage-after-result');
      return result;
    } catch (error) {
      const status = this.signal.aborted || error instanceof RunAborted ? 'CANCELED' : 'FAILED';
      await this.endShown(status);
      await this.endQuietly(name, status);
      throw error instanceof PipelineFailed || error instanceof HoldLost || this.signal.aborted
        ? error
        : failed(name, error);
    }
  }

  /**
   * Shows a stage that somebody else carries out within the present one. What cannot be written is left out: the run does not
   * depend on it. A stage that ended does not begin again, and one that has no end when the present stage ends, ends with it.
   */
  show({ name, status, progress }: ShownStage): void {
    if (name === this.current) return;
    const known = this.shown.get(name) ?? this.beginShown(name);
    if (known === undefined || known.status !== 'RUNNING') return;
    if (status !== 'RUNNING') this.setShown(name, status);
    else if (progress !== undefined) known.progress(progress);
  }

  private beginShown(name: string) {
    if (this.shown.size >= MOST_SHOWN) return undefined;
    const begun = { status: 'RUNNING' as StageStatus, progress: this.progressOf(name) };
    this.shown.set(name, begun);
    const position = this.position++;
    this.write((tx) => this.stages.begin(tx, this.hold, name, position));
    return begun;
  }

  private setShown(name: string, status: StageStatus): void {
    const stage = this.shown.get(name);
    if (stage !== undefined) stage.status = status;
    this.write((tx) => this.stages.end(tx, this.hold, name, status));
  }

  private write(statement: (tx: Transaction) => Promise<void>): void {
    this.showing = this.showing.then(() => this.transactions.run(statement)).catch(() => undefined);
  }

  private async endShown(status: StageStatus): Promise<void> {
    for (const [name, stage] of this.shown) if (stage.status === 'RUNNING') this.setShown(name, status);
    await this.showing;
  }

  /** The run's own end is what counts; a stage that cannot be marked (the hold is lost, the database gone) changes nothing. */
  private async endQuietly(name: string, status: StageStatus): Promise<void> {
    await this.transactions.run((tx) => this.stages.end(tx, this.hold, name, status)).catch(() => undefined);
  }

  private progressOf(name: string): ReportProgress {
    let storedAt = performance.now();
    let loggedAt = storedAt;
    let storing = false;
    return (progress: StageProgress) => {
      if (performance.now() - loggedAt >= LOG_INTERVAL_MS) {
        loggedAt = performance.now();
        this.logger.log({ stage: name, progress }, sentence(name, progress));
      }
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

function sentence(stage: string, { done, total, unit }: StageProgress): string {
  return `${stage}: ${done}${total === null ? '' : ` of ${total}`} ${unit}`;
}

function failed(stage: string, error: unknown): PipelineFailed {
  const reason = error instanceof Error ? error.message : String(error);
  const failure = new PipelineFailed({ stage, reason: reason.slice(0, 500) }, true);
  failure.cause = error;
  return failure;
}
