import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { getQueueToken } from '@nestjs/bullmq';
import { atMost, faultPoint, measureHealth, type PartHealth } from '@interlock/observability';
import type { Queue } from 'bullmq';
import { QueueBackend } from './queue-backend.js';
import { tellErrors } from './tell-errors.js';
import { type JobData, JOB_OPTIONS, QUEUES, type QueueName } from './queues.js';

const ADD_DEADLINE_MS = 3_000;

/** The queue did not confirm the jobs: they may or may not have been added. */
export class EnqueueFailed extends Error {
  constructor(queue: QueueName, cause: unknown) {
    super(`the queue ${queue} did not take the jobs`, { cause });
    this.name = 'EnqueueFailed';
  }
}

/** Where a job may be that is not over. */
export const JOB_STATES = ['waiting', 'delayed', 'active'] as const;
type JobState = (typeof JOB_STATES)[number];

export interface QueueLoad {
  readonly jobs: Readonly<Record<JobState, number>>;
  /** 0 when none waits. */
  readonly oldestWaitingMs: number;
}

/** The producers' side of the queues. */
@Injectable()
export class JobQueues implements OnModuleInit {
  private readonly queues = new Map<QueueName, Queue>();

  constructor(
    private readonly modules: ModuleRef,
    private readonly backend: QueueBackend,
  ) {}

  /** @throws CannotStart when the database is lost meanwhile */
  async onModuleInit(): Promise<void> {
    for (const name of QUEUES) {
      const queue = this.modules.get<Queue>(getQueueToken(name), { strict: false });
      tellErrors(queue, new Logger(`queue ${name}`));
      this.queues.set(name, queue);
    }
    await this.backend.ready([...this.queues.values()]);
  }

  /**
   * Adds jobs. A job whose id is waiting or running already is left as it is.
   * @throws EnqueueFailed within 3 s when the queue does not confirm; some or all jobs may have been added all the same
   */
  async addBulk<Q extends QueueName>(name: Q, jobs: readonly { id: string; data: JobData[Q] }[]): Promise<void> {
    try {
      faultPoint('enqueue-before-add');
      const isConfirmed = await atMost(ADD_DEADLINE_MS, this.addAll(name, jobs));
      if (!isConfirmed) throw new Error(`no answer within ${ADD_DEADLINE_MS} ms`);
      faultPoint('enqueue-after-add');
    } catch (error) {
      throw new EnqueueFailed(name, error);
    }
  }

  /** True when some job waits to be taken. */
  async hasWaiting(name: QueueName): Promise<boolean> {
    return (await this.queue(name).getWaiting(0, 0)).length > 0;
  }

  /** How many jobs are in each state, and how long the oldest of those that wait has been waiting. */
  async load(name: QueueName): Promise<QueueLoad> {
    const queue = this.queue(name);
    const [counts, [oldest]] = await Promise.all([queue.getJobCounts(...JOB_STATES), queue.getWaiting(0, 0)]);
    // A job that came back, from a worker that ended or after a pause, waits since then: it keeps the time of its first add.
    const since = oldest === undefined ? Date.now() : Math.max(oldest.timestamp, oldest.processedOn ?? 0);
    const jobs = Object.fromEntries(JOB_STATES.map((state) => [state, counts[state] ?? 0]));
    return { jobs: jobs as Record<JobState, number>, oldestWaitingMs: Math.max(Date.now() - since, 0) };
  }

  health(): Promise<PartHealth> {
    return measureHealth('queue', () => this.backend.probe(this.queue('execution_start')));
  }

  private async addAll<Q extends QueueName>(name: Q, jobs: readonly { id: string; data: JobData[Q] }[]): Promise<void> {
    const queue = this.queue(name);
    const entries = jobs.map(({ id, data }) => ({ name, data, opts: { ...JOB_OPTIONS[name], jobId: id } }));
    if (jobs.length >= this.backend.worthABulk) await queue.addBulk(entries);
    else await Promise.all(entries.map(({ data, opts }) => queue.add(name, data, opts)));
  }

  private queue(name: QueueName): Queue {
    const queue = this.queues.get(name);
    if (queue === undefined) throw new Error(`the queue ${name} is not registered`);
    return queue;
  }
}
