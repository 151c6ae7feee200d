import type { BullRootModuleOptions } from '@nestjs/bullmq';
import { createPostgresBackend, type Queue, runMigrations, setDefaultBackendFactory } from 'bullmq';
import { Client, type ClientConfig, Pool } from 'pg';
import { atMost } from '@interlock/observability';
import { type QueueClient, QueueBackend } from './queue-backend.js';
import { queueReady } from './queue-ready.js';

/** Schema of BullMQ's own tables. */
const QUEUE_SCHEMA = 'bullmq';

/**
 * Most connections of a process for its queues and workers together: one for each worker to listen with, and as many for adds,
 * fetches, completions and health checks side by side as a process ever has under way.
 */
const CONNECTIONS = 16;
/** What is still under way when the process ends is not waited for any longer. */
const END_PATIENCE_MS = 1_000;

/**
 * BullMQ begins to listen for a connection's errors a moment after it has connected; a server that ends the session in that moment
 * (it is being shut down, say) would end the whole process with it. The statement that fails tells of the loss.
 */
class QueueConnection extends Client {
  constructor(config?: ClientConfig) {
    super(config);
    this.on('error', () => undefined);
  }
}

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

  private pool: Pool | undefined;

  constructor(
    private readonly databaseUrl: string,
    private readonly applicationName: string,
  ) {
    super();
  }

  open(): BullRootModuleOptions {
    // @nestjs/bullmq passes no backend to the queues and workers that it makes, so the default of the process decides.
    setDefaultBackendFactory(createPostgresBackend);
    const pool = new Pool({
      connectionString: this.databaseUrl,
      application_name: `${this.applicationName}-queue`,
      max: CONNECTIONS,
      Client: QueueConnection,
      // These two bound an add when the server is gone or frozen; a statement timeout would not.
      query_timeout: 3_000,
      connectionTimeoutMillis: 2_000,
      keepAlive: true,
      // Rows in our own tables are the truth; an entry lost in a power failure is found by the sweeper. Nearly twice as fast.
      options: `-c search_path=${QUEUE_SCHEMA} -c synchronous_commit=off`,
    });
    pool.setMaxListeners(0); // every queue and worker listens for its errors
    this.pool = pool;
    return { connection: pool };
  }

  async ready(clients: readonly QueueClient[]): Promise<void> {
    await Promise.all(clients.map(queueReady));
  }

  async probe(queue: Queue): Promise<void> {
    await queue.isPaused();
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.pool !== undefined) await atMost(END_PATIENCE_MS, this.pool.end());
  }
}
