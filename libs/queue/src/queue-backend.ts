import type { BullRootModuleOptions } from '@nestjs/bullmq';
import type { Queue } from 'bullmq';

/** A Queue or a Worker, as far as its connection goes. */
export interface QueueClient {
  waitUntilReady(): Promise<unknown>;
}

/** Where the queues are kept. */
export abstract class QueueBackend {
  /** From how many jobs on they are added in one call rather than one by one, side by side. */
  abstract readonly worthABulk: number;

  /** Options for @nestjs/bullmq. From then on this is the backend of all queues and workers that the process makes. */
  abstract open(): BullRootModuleOptions;

  /**
   * Resolves once the clients can be used, or when waiting longer would be of no use: what a backend cannot make up for later must
   * be there now.
   * @throws CannotStart when the clients could never be used
   */
  abstract ready(clients: readonly QueueClient[]): Promise<void>;

  /** Resolves when the queue can take jobs at this moment. @throws when it cannot */
  abstract probe(queue: Queue): Promise<void>;

  /** Lets go of everything that does not belong to a single queue or worker. */
  abstract onApplicationShutdown(): Promise<void>;
}
