import { ExecuteRun, RunningRuns } from '@interlock/execution';
import { KillSwitchWatch } from '@interlock/kill-switch';
import { Settings } from '@interlock/config';
import { correlated } from '@interlock/observability';
import { Processor, WorkerHost } from '@nestjs/bullmq';
import { type BeforeApplicationShutdown, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { type Job, UnrecoverableError, WaitingError } from 'bullmq';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Takes nudges that a run waits, and has it carried out. */
@Processor('execution_start', { autorun: false, maxStalledCount: 100 })
export class ExecutionStartProcessor extends WorkerHost implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('execution-start');

  constructor(
    private readonly settings: Settings,
    private readonly commands: CommandBus,
    private readonly watch: KillSwitchWatch,
    private readonly runningRuns: RunningRuns,
  ) {
    super();
  }

  async onApplicationBootstrap(): Promise<void> {
    this.worker.on('error', (error) => this.logger.warn({ err: error }, 'the queue reports an error'));
    this.worker.concurrency = this.settings.workerConcurrency;
    await this.watch.start(); // no work before the switches were read (safety.md, K1)
    this.worker.run().catch((error: unknown) => this.logger.error({ err: error }, 'the queue consumer ended'));
  }

  /** Takes no further jobs, and has running work handed back, so that closing the worker does not wait for it without limit. */
  async beforeApplicationShutdown(): Promise<void> {
    this.runningRuns.shutDown();
    await this.worker.pause();
  }

  override async process(job: Job<unknown>, token?: string): Promise<void> {
    const runId = runIdOf(job.data);
    if (runId === null) throw new UnrecoverableError('the job names no run');
    await correlated({ runId, jobId: job.id ?? runId }, async () => {
      this.logger.log('run taken from the queue');
      const result = await this.commands.execute(new ExecuteRun(runId));
      this.logger.log(
        { outcome: result.kind, ...(result.kind === 'ended' ? { status: result.status } : {}) },
        'run let go',
      );
      if (result.kind === 'handed-back') {
        await job.moveToWait(token);
        throw new WaitingError();
      }
    });
  }
}

function runIdOf(data: unknown): string | null {
  const runId = typeof data === 'object' && data !== null && 'runId' in data ? data.runId : null;
  return typeof runId === 'string' && UUID.test(runId) ? runId : null;
}
