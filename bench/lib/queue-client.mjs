import { createPostgresBackend, createRedisBackend, Queue, setDefaultBackendFactory, Worker } from 'bullmq';
import { Redis } from 'ioredis';

/** BullMQ's options for the backend that an environment names, as Interlock sets them. */
function queueOptions({ QUEUE_BACKEND, DATABASE_URL, REDIS_URL }) {
  if (QUEUE_BACKEND === 'redis') {
    setDefaultBackendFactory(createRedisBackend); // another benchmark of the same process may have set the other
    return { connection: new Redis(REDIS_URL, { maxRetriesPerRequest: null }), prefix: '{interlock}' };
  }
  setDefaultBackendFactory(createPostgresBackend);
  return {
    connection: {
      connectionString: DATABASE_URL,
      schema: 'bullmq',
      skipMigrations: true,
      max: 4,
      options: '-c synchronous_commit=off',
    },
  };
}

/** What Interlock's jobs are added with. */
export const JOB_OPTIONS = { attempts: 1, removeOnComplete: true, removeOnFail: true };

export async function openQueue(name, environment) {
  const queue = new Queue(name, queueOptions(environment));
  queue.on('error', () => undefined);
  await queue.waitUntilReady();
  return queue;
}

export async function openWorker(name, environment, process, options) {
  const worker = new Worker(name, process, { ...queueOptions(environment), ...options });
  worker.on('error', () => undefined);
  await worker.waitUntilReady();
  return worker;
}
