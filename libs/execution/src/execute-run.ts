import { Settings } from '@interlock/config';
import { KillSwitchWatch, scopesOver } from '@interlock/kill-switch';
import { faultPoint } from '@interlock/observability';
import { SharedBatches, type Transaction, Transactions } from '@interlock/persistence';
import { AutoKillSwitch } from '@interlock/risk-guards';
import { Logger } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { RunClaims } from './claim-run.js';
import { type Attempt, type Conclusion, RunConclusions, type RunOutcome } from './conclude-run.js';
import { type Pipeline, PipelineFailed } from './pipeline.js';
import { Pipelines } from './pipelines.js';
import type { RunParams } from './run.js';
import { RunOrders } from './run-orders.js';
import { RunLease } from './run-lease.js';
import { RunStages } from './run-stages.repository.js';
import { RunAborted, type RunningWork, RunningRuns } from './running-runs.js';
import { HoldLost, type Hold, Runs } from './runs.repository.js';
import { StageRecorder } from './stage-recorder.js';

/** Carries out a run that waits, if switches and guards still let it (safety.md: R2, R4, R6, K2, K3, G2). */
export class ExecuteRun extends Command<ExecuteRunResult> {
  constructor(readonly runId: string) {
    super();
  }
}

export type ExecuteRunResult =
  | Conclusion
  /** There is no such run, somebody else holds it, or it has ended: the job was a nudge too many. */
  | { kind: 'nothing-to-do' }
  /** Somebody else took the run over, or may have. */
  | { kind: 'hold-lost' };

@CommandHandler(ExecuteRun)
export class ExecuteRunHandler implements ICommandHandler<ExecuteRun> {
  private readonly logger = new Logger('execute-run');
  private readonly lookUps = new SharedBatches<string, RunParams | undefined>(
    async (runIds) => {
      const found = await this.runs.params(runIds);
      return runIds.map((runId) => found.get(runId));
    },
    () => true,
  );

  constructor(
    private readonly settings: Settings,
    private readonly transactions: Transactions,
    private readonly pipelines: Pipelines,
    private readonly claims: RunClaims,
    private readonly conclusions: RunConclusions,
    private readonly runs: Runs,
    private readonly stages: RunStages,
    private readonly runOrders: RunOrders,
    private readonly runningRuns: RunningRuns,
    private readonly autoKillSwitch: AutoKillSwitch,
    private readonly watch: KillSwitchWatch,
  ) {}

  async execute({ runId }: ExecuteRun): Promise<ExecuteRunResult> {
    const params = await this.lookUps.add(runId);
    if (params === undefined) return { kind: 'nothing-to-do' };
    await this.watch.lookUp();

    const work = this.runningRuns.begin(runId, scopesOver(params));
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
    faultPoint('claim-after-commit');
    this.logger.log('run taken');
    const lease = new RunLease(
      this.transactions,
      this.runs,
      hold,
      this.settings.runLeaseMs,
      () => work.abort({ kind: 'hold-lost' }),
      (by) => work.abort({ kind: 'cancel', by }),
      claimedAt,
    );
    try {
      const attempt = await this.attempt(hold, params, work.signal);
      faultPoint('run-before-end');
      const result = await this.conclusions.conclude(attempt, lease);
      await this.carryOutTrips();
      return result;
    } catch (error) {
      if (error instanceof HoldLost) return { kind: 'hold-lost' };
      throw error;
    } finally {
      await lease.end();
    }
  }

  /** Trips that this run's end has caused; should it fail, the sweeper carries them out. */
  private async carryOutTrips(): Promise<void> {
    await this.autoKillSwitch
      .carryOutTrips()
      .catch((error: unknown) => this.logger.error({ err: error }, 'the automatic kill switch could not act'));
  }

  private async attempt(hold: Hold, params: RunParams, signal: AbortSignal): Promise<Attempt> {
    const pipeline = this.pipelines.find(params.pipeline);
    if (pipeline === undefined) {
      const failure = { stage: 'start', reason: `this worker knows no pipeline ${params.pipeline}` };
      return { hold, params, outcome: { kind: 'failed', failure: new PipelineFailed(failure, false) } };
    }
    const { expectedDurationMs } = pipeline;
    const startedAt = performance.now();
    const outcome = await this.runPipeline(pipeline, hold, params, signal);
    const durationMs = performance.now() - startedAt;
    return { hold, params, outcome, durationMs, ...(expectedDurationMs === undefined ? {} : { expectedDurationMs }) };
  }

  private async runPipeline(
    pipeline: Pipeline,
    hold: Hold,
    params: RunParams,
    signal: AbortSignal,
  ): Promise<RunOutcome> {
    let recorder: StageRecorder | undefined;
    try {
      const completed = await this.transactions.run((tx) => this.completedBefore(tx, hold));
      const stages = (recorder = new StageRecorder(this.transactions, this.stages, hold, signal, completed));
      signal.throwIfAborted();
      const result = await pipeline.run({
        runId: hold.runId,
        params,
        epoch: hold.epoch,
        signal,
        stage: (name, work) => stages.carryOut(name, work),
        placeOrders: (orders) => this.runOrders.place(hold, params, orders),
        show: (stage) => stages.show(stage),
      });
      return { kind: 'completed', result };
    } catch (error) {
      if (signal.aborted && signal.reason instanceof RunAborted) return { kind: 'aborted', cause: signal.reason.why };
      if (error instanceof HoldLost) throw error;
      if (!(error instanceof PipelineFailed))
        this.logger.error({ err: error }, 'the pipeline threw outside of a stage');
      return { kind: 'failed', failure: asFailure(error, recorder?.current ?? 'start') };
    }
  }

  /** Results of the stages that earlier attempts, if there were any, have completed. */
  private async completedBefore(tx: Transaction, hold: Hold): Promise<Map<string, unknown>> {
    if (hold.epoch > 1) await this.stages.cancelRunning(tx, hold);
    return this.stages.completedResults(tx, hold.runId);
  }
}

function asFailure(error: unknown, stage: string): PipelineFailed {
  if (error instanceof PipelineFailed) return error;
  return new PipelineFailed({ stage, reason: error instanceof Error ? error.message : String(error) }, true);
}
