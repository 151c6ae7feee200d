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

/** Options of every worker. */
export const WORKER_OPTIONS = {
  /**
   * Seconds after which an idle worker looks for jobs although nothing woke it. Redis wakes one worker per job, whichever waits
   * longest, even one that is frozen; another one then finds the job only by looking. A run that is taken over must not wait for that.
   */
  drainDelay: 1,
  /** Milliseconds until a fetch or completion is tried again that met a server that was away; 15 s otherwise. */
  runRetryDelay: 1_000,
};
