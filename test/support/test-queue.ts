import { Client } from 'pg';
import { RedisServer } from './redis-server.js';

/** Where the queue of this suite is: jest.config.js has suites run again with `redis`. */
export const TEST_BACKEND = process.env['INTERLOCK_TEST_QUEUE_BACKEND'] === 'redis' ? 'redis' : 'postgres';

/** Settings of processes whose queue is in this Redis. */
export function redisEnvironment(server: RedisServer): Record<string, string> {
  return { QUEUE_BACKEND: 'redis', REDIS_URL: server.url };
}

/** What a test may do to its queue, whichever its backend is. */
export interface TestQueue {
  /** Settings of the processes that use it. */
  readonly environment: Record<string, string>;
  /** Loses all jobs. */
  loseJobs(): Promise<void>;
  /** How many jobs of this queue there are, in whichever state. */
  countJobs(name: 'execution_start' | 'alert_delivery'): Promise<number>;
  /** From now on nothing can be added. */
  breakDown(): Promise<void>;
  repair(): Promise<void>;
  close(): Promise<void>;
}

/** @param databaseUrl the test's database, in which the queue of the backend `postgres` is */
export function openTestQueue(databaseUrl: string): Promise<TestQueue> {
  return TEST_BACKEND === 'redis' ? openRedisQueue() : openPostgresQueue(databaseUrl);
}

async function openPostgresQueue(databaseUrl: string): Promise<TestQueue> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  return {
    environment: {},
    loseJobs: async () => void (await client.query('DELETE FROM bullmq.job')),
    countJobs: async (name) => {
      const { rows } = await client.query<{ count: number }>(
        'SELECT count(*)::int AS count FROM bullmq.job WHERE queue = $1',
        [name],
      );
      return rows[0]?.count ?? 0;
    },
    breakDown: async () => void (await client.query('ALTER SCHEMA bullmq RENAME TO bullmq_gone')),
    repair: async () => void (await client.query('ALTER SCHEMA bullmq_gone RENAME TO bullmq')),
    close: () => client.end(),
  };
}

async function openRedisQueue(): Promise<TestQueue> {
  const server = await RedisServer.start();
  return {
    environment: redisEnvironment(server),
    loseJobs: () => server.empty(),
    countJobs: async (name) => {
      const keys = (await server.command('KEYS', `{interlock}:${name}:*`)) as string[];
      // A job's key ends with its id, and ours are UUIDs, with something appended when they are queued anew.
      return keys.filter((key) => /:[0-9a-f-]{36}(-\w+)?$/.test(key)).length;
    },
    breakDown: () => server.fill(),
    repair: () => server.makeRoom(),
    close: () => server.close(),
  };
}
