import { readSettings } from '@interlock/config';
import { armFaultPoints, bootLogger, runProgram, type RunningProgram } from '@interlock/observability';
import { serveWhenReady } from '@interlock/persistence';
import { createApi } from './create-api.js';
import { stopApi } from './serve-api.js';

await runProgram(async (stopping): Promise<RunningProgram> => {
  const settings = readSettings();
  armFaultPoints(settings.faultWishes);
  const logger = bootLogger(settings, 'api');
  const { host, port, shutdownGraceMs } = settings;
  const { app, address } = await serveWhenReady({
    settings,
    logger,
    stopping,
    address: { program: 'api', host, port, portSetting: 'PORT' },
    health: { service: 'interlock', path: '/api/health', queue: { backend: settings.queueBackend } },
    create: createApi,
  });
  logger.info({ address }, `the api listens at ${address}`);
  // What closes after the requests, connections above all, gets as long again and a little.
  return { stop: () => stopApi(app, shutdownGraceMs), stopDeadlineMs: shutdownGraceMs + 5_000 };
});
