import { readSettings } from '@interlock/config';
import { armFaultPoints, bootLogger, runProgram, type RunningProgram } from '@interlock/observability';
import { serveWhenReady } from '@interlock/persistence';
import { createWorker } from './create-worker.js';

await runProgram(async (stopping): Promise<RunningProgram> => {
  const settings = readSettings();
  armFaultPoints(settings.faultWishes);
  const logger = bootLogger(settings, 'worker');
  const { host, workerPort: port, shutdownGraceMs } = settings;
  const { app: worker, address } = await serveWhenReady({
    settings,
    logger,
    stopping,
    address: { program: 'worker', host, port, portSetting: 'WORKER_PORT' },
    health: { service: 'interlock-worker', path: '/health' },
    create: createWorker,
  });
  logger.info({ address }, `the worker takes runs; its health is at ${address}/health`);
  // What closes after the runs, connections above all, gets as long again and a little.
  return { stop: () => worker.close(), stopDeadlineMs: shutdownGraceMs + 5_000 };
});
