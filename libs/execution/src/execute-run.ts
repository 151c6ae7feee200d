import { Settings } from '@interlock/config';
import { scopesOver } from '@interlock/kill-switch';
import { type NewOpsEvent, OpsEvents } from '@interlock/ops-events';
import { Transactions } from '@interlock/persistence';
import { Logger } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { RunClaims, runEvent } from './claim-run.js';
import { PipelineFailed, type PipelineResult } from './pipeline.js';
import { Pipelines } from './pipelines.js';
import type { RunParams, RunStatus } from './run.js';
import { RunLease } from './run-lease.js';
import { RunStages } from './run-stages.repository.js';
import { paramsOf } from './run-view.js';
import { type AbortCause, RunAborted, type RunningWork, RunningRuns } from './running-runs.js';
import { type Hold, HoldLost, type RunEnd, Runs } from './runs.repository.js';
import { StageRecorder } from './stage-recorder.js';
import { haltSentence } from './start-blocked.js';

/** Carries out a queued run, if switches and guards still let it (safety.md: R2, R4, K2, K3, G2). */
export class ExecuteRun extends Command<ExecuteRunResult> {
  constructor(readonly runId: string) {
    super();
  }
}

export type ExecuteRunResult =
  | { kind: 'ended'; status: RunStatus }
  /** There is no such run, somebody else holds it, or it has ended: the job was a nudge too many. */
  | { kind: 'nothing-to-do' }
  /** The process is going away: another worker is to take the run. */
  | { kind: 'handed-back' }
  /** Somebody else took the run over, or may have. */
  | { kind: 'hold-lost' };

@CommandHandler(ExecuteRun)
export class ExecuteRunHandler implements ICommandHandler<ExecuteRun> {
  private readonly logger = new Logger('execute-run');

  constructor(
    private readonly settings: Settings,
    private readonly transactions: Transactions,
    private readonly pipelines: Pipelines,
    private readonly claims: RunClaims,
    private readonly runs: Runs,
    private readonly stages: RunStages,
    private readonly events: OpsEvents,
    private readonly runningRuns: RunningRuns,
  ) {}

  async execute({ runId }: ExecuteRun): Promise<ExecuteRunResult> {
    const run = await this.transactions.run((tx) => this.runs.find(tx, runId));
    if (run === null) return { kind: 'nothing-to-do' };
    const params = paramsOf(run);

    const work = this.runningRuns.begin(scopesOver(params));
    try {
      const claimedAt = performance.now();
      const claim = await this.claims.claim(runId, params);
      return claim.kind === 'held' ? await this.carryOut(claim.hold, params, work, claimedAt) : claim;
    } finally {
      work.end();
    }
  }

  private async carryOut(
    hold: Hold,
    params: RunParams,
    work: RunningWork,
    claimedAt: number,
  ): Promise<ExecuteRunResult> {
    const lease = new RunLease(
      this.transactions,
      this.runs,
      hold,
      this.settings.runLeaseMs,
      () => work.abort({ kind: 'lease-lost' }),
      claimedAt,
    );
    try {
      const outcome = await this.runPipeline(hold, params, work.signal);
      return await this.conclude(hold, outcome);
    } catch (error) {
      if (error instanceof HoldLost) return { kind: 'hold-lost' };
      throw error;
    } finally {
      await lease.end();
    }
  }

  private async runPipeline(hold: Hold, params: RunParams, signal: AbortSignal): Promise<Outcome> {
    const completed = await this.transactions.run((tx) => this.stages.completedResults(tx, hold.runId));
    const recorder = new StageRecorder(this.transactions, this.stages, hold, signal, completed);
    try {
      signal.throwIfAborted();
      const pipeline = this.pipelines.find(params.pipeline);
      if (pipeline === undefined) {
        throw new PipelineFailed({ stage: 'start', reason: `this worker knows no pipeline ${params.pipeline}` }, false);
      }
      const result = await pipeline.run({
        runId: hold.runId,
        params,
        signal,
        stage: (name, work) => recorder.carryOut(name, work),
      });
      return { kind: 'completed', result };
    } catch (error) {
      if (signal.aborted && signal.reason instanceof RunAborted) return { kind: 'aborted', cause: signal.reason.why };
      if (error instanceof HoldLost) throw error;
      if (!(error instanceof PipelineFailed))
        this.logger.error({ err: error }, 'the pipeline threw outside of a stage');
      return { kind: 'failed', failure: asFailure(error, recorder.current) };
    }
  }

  private conclude(hold: Hold, outcome: Outcome): Promise<ExecuteRunResult> {
    switch (outcome.kind) {
      case 'completed':
        return this.end(hold, 'COMPLETED', outcome.result, runEvent('run_completed', hold));
      case 'failed':
        return this.end(hold, 'FAILED', { failure: outcome.failure.failure });
      case 'aborted':
        return this.concludeAborted(hold, outcome.cause);
    }
  }

  private async concludeAborted(hold: Hold, cause: AbortCause): Promise<ExecuteRunResult> {
    switch (cause.kind) {
      case 'lease-lost':
        return { kind: 'hold-lost' };
      case 'shutdown':
        await this.transactions.run((tx) => this.runs.handBack(tx, hold));
        return { kind: 'handed-back' };
      case 'switch': {
        const reason = haltSentence(cause.killSwitch);
        const end = { failure: { stage: 'kill switch', reason }, endedBy: cause.killSwitch };
        return this.end(
          hold,
          'CANCELED',
          end,
          runEvent('run_canceled', hold, { scope: cause.killSwitch.scope }, reason),
        );
      }
      case 'blind': {
        const reason = 'the kill switches could not be read';
        return this.end(
          hold,
          'CANCELED',
          { failure: { stage: 'kill switch', reason } },
          runEvent('run_canceled', hold, {}, reason),
        );
      }
    }
  }

  private async end(hold: Hold, status: RunStatus, end: RunEnd, event?: NewOpsEvent): Promise<ExecuteRunResult> {
    await this.transactions.run(async (tx) => {
      await this.runs.end(tx, hold, status, end);
      if (event !== undefined) await this.events.record(tx, event);
    });
    return { kind: 'ended', status };
  }
}

type Outcome =
  | { kind: 'completed'; result: PipelineResult }
  | { kind: 'failed'; failure: PipelineFailed }
  | { kind: 'aborted'; cause: AbortCause };

function asFailure(error: unknown, stage: string): PipelineFailed {
  if (error instanceof PipelineFailed) return error;
  return new PipelineFailed({ stage, reason: error instanceof Error ? error.message : String(error) }, true);
}
