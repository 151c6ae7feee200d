import { readSettings } from '@interlock/config';
import { bootLogger, runToEnd } from '@interlock/observability';
import { migrateDatabase, reachDatabase } from '@interlock/persistence';
import { migrateQueue } from '@interlock/queue';

/*
 * Brings the database's schema, the queue's too, up to this version; what deployments run before the api and the worker. From a
 * clone it is `npm run db:migrate`, which also installs, builds and starts the embedded server.
 */
await runToEnd(async (stopping) => {
  const settings = readSettings();
  const logger = bootLogger(settings, 'migrate');
  const { url } = await reachDatabase(settings, logger, stopping);
  const { applied } = await migrateDatabase(url);
  await migrateQueue(url);
  logger.info({ applied }, applied.length === 0 ? 'the schema is up to date' : 'the schema was brought up to date');
});
