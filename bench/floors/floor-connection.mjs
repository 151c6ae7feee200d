import { createPostgresBackend, setDefaultBackendFactory } from 'bullmq';
import { Redis } from 'ioredis';

/** BullMQ's options for the backend of the environment, with the settings that Interlock has. */
export function floorConnection() {
  if (process.env.QUEUE_BACKEND === 'redis') {
    return { connection: new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: null }) };
  }
  setDefaultBackendFactory(createPostgresBackend);
  return {
    connection: {
      connectionString: process.env.DATABASE_URL,
      schema: 'bullmq',
      skipMigrations: true,
      max: 4,
      options: '-c synchronous_commit=off',
    },
  };
}
