import { Settings } from '@interlock/config';
import { ExecuteRun, type ExecuteRunResult, RunningRuns } from '@interlock/execution';
import { KillSwitchWatch } from '@interlock/kill-switch';
import { correlated, faultPoint } from '@interlock/observability';
import { WORKER_OPTIONS } from '@interlock/queue';
import { Processor } from '@nestjs/bullmq';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { DelayedError, type Job, UnrecoverableError, WaitingError } from 'bullmq';
import { JobMetrics } from './metrics/job-metrics.js';
import { QueueConsumer } from './queue-consumer.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Part of the grace at shutdown that is kept for handing back what has not finished by then. */
const HAND_BACK_SHARE = 0.25;
/** Takes nudges that a run waits, and has it carried out. */
@Processor('execution_start', { autorun: false, maxStalledCount: 1_000, ...WORKER_OPTIONS })
export class ExecutionStartProcessor
  extends QueueConsumer
  implements OnApplicationBootstrap, BeforeApplicationShutdown
{
  constructor(
    private readonly settings: Settings,
    private readonly commands: CommandBus,
    private readonly watch: KillSwitchWatch,
    private readonly runningRuns: RunningRuns,
    private readonly metrics: JobMetrics,
  ) {
    super('execution_start', settings.workerConcurrency);
    metrics.setSlots('execution_start', settings.workerConcurrency);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.watch.start(); // no work before the switches were read (safety.md, K1)
    await this.beginConsuming();
  }

  /** Takes no further jobs; lets running work finish for most of the grace, then has it handed back. */
  async beforeApplicationShutdown(): Promise<void> {
    const pausing = this.pauseConsuming();
    await this.runningRuns.shutDown(this.settings.shutdownGraceMs * (1 - HAND_BACK_SHARE));
    await this.endConsuming(pausing);
  }

  protected override async carryOut(job: Job<unknown>, token: string | undefined): Promise<void> {
    const runId = runIdOf(job.data);
    if (runId === null) throw new UnrecoverableError('the job names no run');
    await correlated({ runId, jobId: job.id ?? runId }, () => this.execute(runId, job, token));
  }

  private async execute(runId: string, job: Job, token: string | undefined): Promise<void> {
    const result = await this.metrics.measure('execution_start', () => this.commands.execute(new ExecuteRun(runId)));
    if (result.kind === 'ended') faultPoint('run-after-end');
    this.logger.log(summary(result), 'run let go');
    if (result.kind === 'retry') {
      faultPoint('retry-after-commit');
      await job.moveToDelayed(Date.now() + result.delayMs, token);
      throw new DelayedError();
    }
    if (result.kind === 'handed-back') {
      faultPoint('hand-back-after-commit');
      await job.moveToWait(token);
      throw new WaitingError();
    }
  }
}

function summary(result: ExecuteRunResult): Record<string, unknown> {
  const { kind: outcome, ...rest } = result;
  return { outcome, ...rest };
}

function runIdOf(data: unknown): string | null {
  const runId = typeof data === 'object' && data !== null && 'runId' in data ? data.runId : null;
  return typeof runId === 'string' && UUID.test(runId) ? runId : null;
}
