import { atMost } from '@interlock/observability';
import { QueueBackend, type QueueName, tellErrors } from '@interlock/queue';
import { WorkerHost } from '@nestjs/bullmq';
import { Inject, Logger } from '@nestjs/common';
import { type Job, Worker } from 'bullmq';

/** How long a consumer may take to end once no job is left; one whose queue is away would never get there by itself. */
const QUEUE_PATIENCE_MS = 1_000;

/** Takes jobs from one queue: what all processors have in common, and what is needed to notice one that has fallen silent. */
export abstract class QueueConsumer extends WorkerHost {
  protected readonly logger: Logger;
  @Inject(QueueBackend)
  private readonly backend!: QueueBackend;
  private consumer: Worker | undefined;
  private taken = 0;
  private atWork = 0;

  /** @param places how many jobs it may have at once */
  constructor(
    readonly queue: QueueName,
    private readonly places: number,
  ) {
    super();
    this.logger = new Logger(queue.replace('_', '-'));
  }

  /** Does what the job says. Thrown errors are BullMQ's: they decide what becomes of the job. */
  protected abstract carryOut(job: Job<unknown>, token: string | undefined): Promise<void>;

  /** How many jobs were taken since the start. */
  get jobsTaken(): number {
    return this.taken;
  }

  get hasFreePlace(): boolean {
    return this.atWork < this.places;
  }

  override async process(job: Job<unknown>, token?: string): Promise<void> {
    this.taken++;
    this.atWork++;
    try {
      await this.carryOut(job, token);
    } finally {
      this.atWork--;
    }
  }

  /** Throws the consumer away and makes another, because this one has fallen silent (safety.md, R7). Work under way goes on. */
  async rebuildConsumer(): Promise<void> {
    const { name, opts } = this.worker;
    const silent = this.consumer;
    this.consume(new Worker(name, (job, token) => this.process(job, token), opts));
    await silent?.close(true);
  }

  /** @throws CannotStart when it could never take a job */
  protected async beginConsuming(): Promise<void> {
    await this.backend.ready([this.worker]);
    this.consume(this.worker);
  }

  /** Takes no further jobs from now on. @returns once those under way have ended; false when the queue was lost meanwhile */
  protected async pauseConsuming(): Promise<boolean> {
    try {
      await this.consumer?.pause();
      return true;
    } catch {
      return false;
    }
  }

  /** Ends the consumer. @param pausing what `pauseConsuming` returned */
  protected async endConsuming(pausing: Promise<boolean>): Promise<void> {
    const consumer = this.consumer;
    const paused = (await atMost(QUEUE_PATIENCE_MS, pausing)) && (await pausing);
    if (paused && consumer === this.worker) return; // Nest closes it
    if (consumer !== undefined) await atMost(QUEUE_PATIENCE_MS, consumer.close(!paused));
  }

  private consume(consumer: Worker): void {
    this.consumer = consumer;
    tellErrors(consumer, this.logger);
    consumer.concurrency = this.places;
    consumer.run().catch((error: unknown) => this.logger.error({ err: error }, 'the queue consumer ended'));
  }
}
