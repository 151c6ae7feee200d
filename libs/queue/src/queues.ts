import type { DefaultJobOptions } from 'bullmq';

/** Every queue of the system. */
export const QUEUES = ['execution_start', 'alert_delivery'] as const;
export type QueueName = (typeof QUEUES)[number];

/** What each queue's jobs carry. */
export interface JobData {
  execution_start: { runId: string };
  alert_delivery: { deliveryId: string };
}

/**
 * Settings per queue; leaving one out does not compile.
 *
 * A job is a nudge, not a record: it is removed when it completes or fails, so that the same id can be added again, and the
 * database decides what there is to do.
 */
export const JOB_OPTIONS: Record<QueueName, DefaultJobOptions> = {
  execution_start: { attempts: 1, removeOnComplete: true, removeOnFail: true },
  alert_delivery: { attempts: 1, removeOnComplete: true, removeOnFail: true },
};
