import { Settings } from '@interlock/config';
import { atMost } from '@interlock/observability';
import { AlertDeliveries } from '@interlock/ops-events';
import { WORKER_OPTIONS } from '@interlock/queue';
import { Processor } from '@nestjs/bullmq';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { DelayedError, type Job, UnrecoverableError } from 'bullmq';
import { JobMetrics } from './metrics/job-metrics.js';
import { QueueConsumer } from './queue-consumer.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Alerts sent at once. Apart from the runs' concurrency, so that a receiver that hangs costs no run anything. */
const CONCURRENCY = 4;
/** How long an attempt under way may go on when the process is asked to stop. */
const SHUTDOWN_PATIENCE_MS = 1_000;
/** Never at once again: a delivery that this worker cannot bring on would keep it busy. */
const SHORTEST_WAIT_MS = 50;

/** Takes nudges that an alert is to be delivered, and makes an attempt. */
@Processor('alert_delivery', {
  autorun: false,
  maxStalledCount: 100,
  // The job of a worker that was killed is free again after 15 s at most, about when its attempt is given up; the default is 60 s.
  lockDuration: 10_000,
  stalledInterval: 5_000,
  ...WORKER_OPTIONS,
})
export class AlertDeliveryProcessor extends QueueConsumer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly ending = new AbortController();

  constructor(
    private readonly settings: Settings,
    private readonly deliveries: AlertDeliveries,
    private readonly metrics: JobMetrics,
  ) {
    super('alert_delivery', CONCURRENCY);
    metrics.setSlots('alert_delivery', CONCURRENCY);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.beginConsuming();
  }

  /** Takes no further jobs; what is under way may end by itself for a moment, then it is left for another worker. */
  async beforeApplicationShutdown(): Promise<void> {
    const pausing = this.pauseConsuming();
    const patienceMs = Math.min(SHUTDOWN_PATIENCE_MS, this.settings.shutdownGraceMs);
    await atMost(patienceMs, pausing);
    this.ending.abort();
    await this.endConsuming(pausing);
  }

  protected override async carryOut(job: Job<unknown>, token: string | undefined): Promise<void> {
    const deliveryId = deliveryIdOf(job.data);
    if (deliveryId === null) throw new UnrecoverableError('the job names no delivery');
    const outcome = await this.metrics.measure('alert_delivery', () =>
      this.deliveries.attempt(deliveryId, this.ending.signal),
    );
    if (outcome.kind !== 'later') return;
    await job.moveToDelayed(Date.now() + Math.max(outcome.delayMs, SHORTEST_WAIT_MS), token);
    throw new DelayedError();
  }
}

function deliveryIdOf(data: unknown): string | null {
  const deliveryId = typeof data === 'object' && data !== null && 'deliveryId' in data ? data.deliveryId : null;
  return typeof deliveryId === 'string' && UUID.test(deliveryId) ? deliveryId : null;
}
