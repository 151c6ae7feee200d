import { everySeries, Metrics } from '@interlock/observability';
import { Injectable } from '@nestjs/common';
import { JOB_STATES, JobQueues } from './job-queues.js';
import { QUEUES } from './queues.js';

/** How full the queues are, and how old what waits in them is. */
@Injectable()
export class QueueMetrics {
  constructor(metrics: Metrics, queues: JobQueues) {
    const jobs = metrics.gauge(
      'interlock_queue_jobs',
      'Jobs that a queue holds',
      everySeries({ queue: QUEUES, state: JOB_STATES }),
    );
    const oldest = metrics.gauge(
      'interlock_queue_oldest_waiting_seconds',
      'How long the oldest of the waiting jobs has been waiting; 0 when none waits',
      everySeries({ queue: QUEUES }),
    );
    for (const queue of QUEUES) {
      metrics.readAtScrape(`queue_${queue}`, async () => {
        const load = await queues.load(queue);
        for (const state of JOB_STATES) jobs.set({ queue, state }, load.jobs[state]);
        oldest.set({ queue }, load.oldestWaitingMs / 1_000);
      });
    }
  }
}
