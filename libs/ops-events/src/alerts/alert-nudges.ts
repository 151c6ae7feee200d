import { faultPoint } from '@interlock/observability';
import { JobQueues } from '@interlock/queue';
import { type BeforeApplicationShutdown, Injectable, Logger, Optional } from '@nestjs/common';

/** Deliveries per enqueue. */
const LARGEST_BATCH = 100;
/** Deliveries that wait for their enqueue; what goes beyond is left to be found again. */
const MOST_WAITING = 1_000;

/**
 * Tells the workers of new deliveries, soon and without promise: whoever calls waits for nothing, and a nudge that is lost costs
 * only time, since the rows are found again (`AlertDeliveries.requeuePending`). One enqueue is under way at a time, so a queue
 * that hangs holds up one call and not one per event.
 */
@Injectable()
export class AlertNudges implements BeforeApplicationShutdown {
  private readonly logger = new Logger('alerts');
  private waiting: string[] = [];
  private enqueuing: Promise<void> | undefined;
  private ending = false;

  /** @param queues absent in programs that have no queue, such as commands */
  constructor(@Optional() private readonly queues?: JobQueues) {}

  nudge(deliveryIds: readonly string[]): void {
    if (this.queues === undefined || this.ending) return;
    this.waiting.push(...deliveryIds.slice(0, MOST_WAITING - this.waiting.length));
    this.enqueuing ??= this.enqueueAll(this.queues).finally(() => {
      this.enqueuing = undefined;
    });
  }

  /** Lets the enqueue under way end (3 s at most) before the queues close, which they do in no certain order. */
  async beforeApplicationShutdown(): Promise<void> {
    this.ending = true;
    await this.enqueuing;
  }

  private async enqueueAll(queues: JobQueues): Promise<void> {
    try {
      faultPoint('alert-before-enqueue');
      while (this.waiting.length > 0) await enqueueDeliveries(queues, this.waiting.splice(0, LARGEST_BATCH));
    } catch (error) {
      // The queue is in trouble; the rest would fare no better.
      this.waiting = [];
      this.logger.warn({ err: error }, 'alert deliveries could not be enqueued; they will be found again');
    }
  }
}

/**
 * @param jobIdOf the job's id; while there is a job with that id, another one is not added
 * @throws EnqueueFailed
 */
export async function enqueueDeliveries(
  queues: JobQueues,
  deliveryIds: readonly string[],
  jobIdOf: (deliveryId: string) => string = (deliveryId) => deliveryId,
): Promise<void> {
  await queues.addBulk(
    'alert_delivery',
    deliveryIds.map((deliveryId) => ({ id: jobIdOf(deliveryId), data: { deliveryId } })),
  );
}
