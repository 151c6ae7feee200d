import type { ExecuteRunResult } from '@interlock/execution';
import type { DeliveryOutcome } from '@interlock/ops-events';
import { everySeries, Metrics } from '@interlock/observability';
import { type QueueName, QUEUES } from '@interlock/queue';
import { Injectable } from '@nestjs/common';

/** What a job may come to; `failed` when it threw. An outcome that is missing here does not compile. */
const OUTCOMES: Record<QueueName, readonly string[]> = {
  execution_start: namesOf<ExecuteRunResult['kind'] | 'failed'>({
    ended: true,
    retry: true,
    'handed-back': true,
    'nothing-to-do': true,
    'hold-lost': true,
    failed: true,
  }),
  alert_delivery: namesOf<DeliveryOutcome['kind'] | 'failed'>({
    delivered: true,
    dead: true,
    'nothing-to-do': true,
    later: true,
    failed: true,
  }),
};

/** The jobs of this worker: how many it took, what they came to, how long they took, and how many more it could take. */
@Injectable()
export class JobMetrics {
  private readonly claimed;
  private readonly finished;
  private readonly durations;
  private readonly slots;
  private readonly busy;

  constructor(metrics: Metrics) {
    const queues = everySeries({ queue: QUEUES });
    this.claimed = metrics.counter('interlock_jobs_claimed_total', 'Jobs that this worker took from a queue', queues);
    this.finished = metrics.counter(
      'interlock_jobs_finished_total',
      'Jobs that this worker let go, by what they came to',
      QUEUES.flatMap((queue) => OUTCOMES[queue].map((outcome) => ({ queue, outcome }))),
    );
    this.durations = metrics.durations('interlock_job_duration_seconds', 'How long this worker had a job', queues);
    this.slots = metrics.gauge('interlock_worker_slots', 'Jobs that this worker may have at once', queues);
    this.busy = metrics.gauge('interlock_worker_slots_busy', 'Jobs that this worker has at the moment', queues);
  }

  /** Says how many jobs of a queue the worker may have at once. */
  setSlots(queue: QueueName, slots: number): void {
    this.slots.set({ queue }, slots);
  }

  /** Measures a job from its being taken to its end. */
  async measure<T extends { kind: string }>(queue: QueueName, work: () => Promise<T>): Promise<T> {
    this.claimed.inc({ queue });
    this.busy.inc({ queue });
    const startedAt = performance.now();
    let outcome = 'failed';
    try {
      const result = await work();
      outcome = result.kind;
      return result;
    } finally {
      this.busy.dec({ queue });
      this.finished.inc({ queue, outcome });
      this.durations.observe({ queue }, (performance.now() - startedAt) / 1_000);
    }
  }
}

function namesOf<N extends string>(names: Readonly<Record<N, true>>): string[] {
  return Object.keys(names);
}
