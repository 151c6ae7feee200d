import { readSettings } from '@interlock/config';
import { armFaultPoints, bootLogger, listen, runProgram, type RunningProgram } from '@interlock/observability';
import { readyDatabase } from '@interlock/persistence';
import { createApi } from './create-api.js';
import { stopApi } from './serve-api.js';

await runProgram(async (stopping): Promise<RunningProgram> => {
  const settings = readSettings();
  armFaultPoints(settings.faultWishes);
  const logger = bootLogger(settings, 'api');
  const app = await createApi(await readyDatabase(settings, logger, stopping));
  const { host, port, shutdownGraceMs } = settings;
  const address = await listen(app, { program: 'api', host, port, portSetting: 'PORT' });
  logger.info({ address }, `the api listens at ${address}`);
  // What closes after the requests, connections above all, gets as long again and a little.
  return { stop: () => stopApi(app, shutdownGraceMs), stopDeadlineMs: shutdownGraceMs + 5_000 };
});
