import { Settings } from '@interlock/config';
import { EXIT_STATUS } from '@interlock/observability';
import { OpsEvents } from '@interlock/ops-events';
import { Transactions } from '@interlock/persistence';
import { JobQueues } from '@interlock/queue';
import { type BeforeApplicationShutdown, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { ExecutionStartProcessor } from './execution-start.processor.js';

/** Looks this often within the time after which a worker counts as silent. */
const LOOKS = 10;

/**
 * Notices when this worker takes no job though jobs wait and it has a free place: queue clients have been known to fall silent
 * after an outage while reporting to be well (safety.md, R7). Then it raises an event, makes the worker unready and rebuilds the
 * consumer; when that does not help, it ends the process so that its supervisor starts another.
 */
@Injectable()
export class ConsumerWatch implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('consumer-watch');
  private timer: NodeJS.Timeout | undefined;
  private takenBefore = 0;
  private idleSince: number | undefined;
  private rebuilt = false;

  constructor(
    private readonly settings: Settings,
    private readonly processor: ExecutionStartProcessor,
    private readonly queues: JobQueues,
    private readonly transactions: Transactions,
    private readonly events: OpsEvents,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.look(), this.settings.silentWorkerMs / LOOKS);
  }

  beforeApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** True from the moment on which the consumer was found silent until it takes a job again. */
  get silent(): boolean {
    return this.rebuilt;
  }

  private async look(): Promise<void> {
    // A queue that does not answer proves nothing about this worker; health tells of it.
    const waiting = await this.queues.hasWaiting('execution_start').catch(() => false);
    const { jobsTaken, hasFreePlace } = this.processor;
    if (jobsTaken !== this.takenBefore) this.rebuilt = false;
    if (!waiting || !hasFreePlace || jobsTaken !== this.takenBefore) {
      this.takenBefore = jobsTaken;
      this.idleSince = undefined;
      return;
    }
    this.idleSince ??= performance.now();
    if (performance.now() - this.idleSince < this.settings.silentWorkerMs) return;
    this.idleSince = undefined;
    await this.act();
  }

  private async act(): Promise<void> {
    if (this.rebuilt) {
      this.logger.fatal('the consumer takes no jobs after it was rebuilt either; this worker ends');
      process.exit(EXIT_STATUS.silent);
    }
    this.rebuilt = true;
    const reason = `the worker took no job for ${this.settings.silentWorkerMs} ms while jobs waited`;
    await this.transactions
      .run((tx) =>
        this.events.record(tx, { event: 'worker_silent', source: 'worker', reason, details: { pid: process.pid } }),
      )
      .catch((error: unknown) => this.logger.error({ err: error }, reason));
    await this.processor.rebuildConsumer();
  }
}
