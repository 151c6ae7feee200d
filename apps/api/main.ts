import { readSettings } from '@interlock/config';
import { bootLogger, runProgram, type RunningProgram } from '@interlock/observability';
import { readyDatabase } from '@interlock/persistence';
import { createApi } from './create-api.js';
import { listen, stopApi } from './serve-api.js';

await runProgram(async (stopping): Promise<RunningProgram> => {
  const settings = readSettings();
  const logger = bootLogger(settings, 'api');
  const app = await createApi(await readyDatabase(settings, logger, stopping));
  const address = await listen(app, settings);
  logger.info({ address }, `the api listens at ${address}`);
  // What closes after the requests, connections above all, gets as long again and a little.
  return { stop: () => stopApi(app, settings.shutdownGraceMs), stopDeadlineMs: settings.shutdownGraceMs + 5_000 };
});
