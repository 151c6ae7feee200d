import { Settings } from '@interlock/config';
import { EXIT_STATUS } from '@interlock/observability';
import { OpsEvents } from '@interlock/ops-events';
import { Transactions } from '@interlock/persistence';
import { JobQueues } from '@interlock/queue';
import { type BeforeApplicationShutdown, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { AlertDeliveryProcessor } from './alert-delivery.processor.js';
import { ExecutionStartProcessor } from './execution-start.processor.js';
import type { QueueConsumer } from './queue-consumer.js';

/** Looks this often within the time after which a worker counts as silent. */
const LOOKS = 10;

/** A consumer, and what was last seen of it. */
interface Watched {
  readonly consumer: QueueConsumer;
  takenBefore: number;
  idleSince: number | undefined;
  rebuilt: boolean;
}

/**
 * Notices when this worker takes no job of a queue though jobs wait there and it has a free place: queue clients have been known to
 * fall silent after an outage while reporting to be well (safety.md, R7). Then it raises an event, makes the worker unready and
 * rebuilds the consumer; when that does not help, it ends the process so that its supervisor starts another.
 */
@Injectable()
export class ConsumerWatch implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('consumer-watch');
  private readonly watched: readonly Watched[];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly settings: Settings,
    runs: ExecutionStartProcessor,
    alerts: AlertDeliveryProcessor,
    private readonly queues: JobQueues,
    private readonly transactions: Transactions,
    private readonly events: OpsEvents,
  ) {
    const consumers: readonly QueueConsumer[] = [runs, alerts];
    this.watched = consumers.map((consumer) => ({
      consumer,
      takenBefore: 0,
      idleSince: undefined,
      rebuilt: false,
    }));
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.look(), this.settings.silentWorkerMs / LOOKS);
  }

  beforeApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** True from the moment on which a consumer was found silent until it takes a job again. */
  get silent(): boolean {
    return this.watched.some(({ rebuilt }) => rebuilt);
  }

  private async look(): Promise<void> {
    // A queue that does not answer, or cannot be written to, proves nothing about this worker; health tells of it.
    const { ok } = await this.queues.health();
    await Promise.all(this.watched.map((watched) => this.lookAt(watched, ok)));
  }

  private async lookAt(watched: Watched, queueWorks: boolean): Promise<void> {
    const { consumer } = watched;
    const waiting = queueWorks && (await this.queues.hasWaiting(consumer.queue).catch(() => false));
    const { jobsTaken, hasFreePlace } = consumer;
    if (jobsTaken !== watched.takenBefore) watched.rebuilt = false;
    if (!waiting || !hasFreePlace || jobsTaken !== watched.takenBefore) {
      watched.takenBefore = jobsTaken;
      watched.idleSince = undefined;
      return;
    }
    watched.idleSince ??= performance.now();
    if (performance.now() - watched.idleSince < this.settings.silentWorkerMs) return;
    watched.idleSince = undefined;
    await this.act(watched);
  }

  private async act(watched: Watched): Promise<void> {
    const { queue } = watched.consumer;
    if (watched.rebuilt) {
      this.logger.fatal({ queue }, 'the consumer takes no jobs after it was rebuilt either; this worker ends');
      process.exit(EXIT_STATUS.silent);
    }
    watched.rebuilt = true;
    const reason = `the worker took no job of ${queue} for ${this.settings.silentWorkerMs} ms while jobs waited`;
    const details = { pid: process.pid, queue };
    await this.transactions
      .run((tx) => this.events.record(tx, { event: 'worker_silent', source: 'worker', reason, details }))
      .catch((error: unknown) => this.logger.error({ err: error }, reason));
    await watched.consumer.rebuildConsumer();
  }
}
