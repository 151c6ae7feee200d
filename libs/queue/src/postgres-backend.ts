import type { BullRootModuleOptions } from '@nestjs/bullmq';
import { createPostgresBackend, type Queue, runMigrations, setDefaultBackendFactory } from 'bullmq';
import { Client } from 'pg';
import { type QueueClient, QueueBackend } from './queue-backend.js';
import { queueReady } from './queue-ready.js';

/** Schema of BullMQ's own tables. */
const QUEUE_SCHEMA = 'bullmq';

/** Connections per queue or worker: a producer's bulk adds side by side with a health check; a worker's fetches and completions. */
const CONNECTIONS_PER_CLIENT = 4;

/** Brings the queue's tables up to this version. Replicas that do it at once wait for each other. */
export async function migrateQueue(databaseUrl: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl, application_name: 'interlock-migrate' });
  await client.connect();
  try {
    await runMigrations(client, QUEUE_SCHEMA);
  } finally {
    await client.end();
  }
}

/**
 * The queues in the database, in a schema of their own. Make it only when the database answers and is migrated: a Queue or Worker
 * whose first use meets a database that is down stays dead for ever (bullmq 6.7).
 */
export class PostgresBackend extends QueueBackend {
  /**
   * The bulk statement makes and drops temporary tables, which takes 4 ms and writes to the catalogue, however few the jobs are; from
   * here on it is the faster way all the same.
   */
  readonly worthABulk = 20;

  constructor(
    private readonly databaseUrl: string,
    private readonly applicationName: string,
  ) {
    super();
  }

  open(): BullRootModuleOptions {
    // @nestjs/bullmq passes no backend to the queues and workers that it makes, so the default of the process decides.
    setDefaultBackendFactory(createPostgresBackend);
    const connection = {
      connectionString: this.databaseUrl,
      application_name: `${this.applicationName}-queue`,
      schema: QUEUE_SCHEMA,
      skipMigrations: true,
      max: CONNECTIONS_PER_CLIENT,
      // These two bound an add when the server is gone or frozen; a statement timeout would not.
      query_timeout: 3_000,
      connectionTimeoutMillis: 2_000,
      keepAlive: true,
      // Rows in our own tables are the truth; an entry lost in a power failure is found by the sweeper. Nearly twice as fast.
      options: '-c synchronous_commit=off',
    };
    // Typed for Redis; the backend set above reads these.
    return { connection };
  }

  async ready(clients: readonly QueueClient[]): Promise<void> {
    await Promise.all(clients.map(queueReady));
  }

  async probe(queue: Queue): Promise<void> {
    await queue.isPaused();
  }

  async onApplicationShutdown(): Promise<void> {
    // Every queue and worker has connections of its own, which it closes.
  }
}
