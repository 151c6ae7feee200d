import { Settings } from '@interlock/config';
import { ExecuteRun, type ExecuteRunResult, RunningRuns } from '@interlock/execution';
import { KillSwitchWatch } from '@interlock/kill-switch';
import { atMost, correlated, faultPoint } from '@interlock/observability';
import { WORKER_OPTIONS, QueueBackend, tellErrors } from '@interlock/queue';
import { Processor, WorkerHost } from '@nestjs/bullmq';
import { type BeforeApplicationShutdown, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { DelayedError, type Job, UnrecoverableError, WaitingError, Worker } from 'bullmq';
import { JobMetrics } from './metrics/job-metrics.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Part of the grace at shutdown that is kept for handing back what has not finished by then. */
const HAND_BACK_SHARE = 0.25;
/** How long the consumer's own end may take once no run is left. */
const QUEUE_PATIENCE_MS = 1_000;

/** Takes nudges that a run waits, and has it carried out. */
@Processor('execution_start', { autorun: false, maxStalledCount: 1_000, ...WORKER_OPTIONS })
export class ExecutionStartProcessor extends WorkerHost implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('execution-start');
  private consumer: Worker | undefined;
  private taken = 0;
  private atWork = 0;

  constructor(
    private readonly settings: Settings,
    private readonly commands: CommandBus,
    private readonly watch: KillSwitchWatch,
    private readonly runningRuns: RunningRuns,
    private readonly metrics: JobMetrics,
    private readonly backend: QueueBackend,
  ) {
    super();
    metrics.setSlots('execution_start', settings.workerConcurrency);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.backend.ready([this.worker]);
    await this.watch.start(); // no work before the switches were read (safety.md, K1)
    this.consume(this.worker);
  }

  /** Takes no further jobs; lets running work finish for most of the grace, then has it handed back. */
  async beforeApplicationShutdown(): Promise<void> {
    const silent = this.consumer?.pause();
    await this.runningRuns.shutDown(this.settings.shutdownGraceMs * (1 - HAND_BACK_SHARE));
    // A queue that is away keeps its consumer waiting; nobody needs to wait with it.
    if (silent !== undefined) await atMost(QUEUE_PATIENCE_MS, silent);
    if (this.consumer !== this.worker && this.consumer !== undefined)
      await atMost(QUEUE_PATIENCE_MS, this.consumer.close());
  }

  /** How many jobs were taken since the start. */
  get jobsTaken(): number {
    return this.taken;
  }

  get hasFreePlace(): boolean {
    return this.atWork < this.settings.workerConcurrency;
  }

  /** Throws the consumer away and makes another, because this one has fallen silent (safety.md, R7). Work under way goes on. */
  async rebuildConsumer(): Promise<void> {
    const { name, opts } = this.worker;
    const silent = this.consumer;
    this.consume(new Worker(name, (job, token) => this.process(job, token), opts));
    await silent?.close(true);
  }

  override async process(job: Job<unknown>, token?: string): Promise<void> {
    this.taken++;
    this.atWork++;
    try {
      const runId = runIdOf(job.data);
      if (runId === null) throw new UnrecoverableError('the job names no run');
      await correlated({ runId, jobId: job.id ?? runId }, () => this.execute(runId, job, token));
    } finally {
      this.atWork--;
    }
  }

  private consume(consumer: Worker): void {
    this.consumer = consumer;
    tellErrors(consumer, this.logger);
    consumer.concurrency = this.settings.workerConcurrency;
    consumer.run().catch((error: unknown) => this.logger.error({ err: error }, 'the queue consumer ended'));
  }

  private async execute(runId: string, job: Job, token: string | undefined): Promise<void> {
    this.logger.log('run taken from the queue');
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
