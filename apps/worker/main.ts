import { readSettings } from '@interlock/config';
import { armFaultPoints, bootLogger, listen, runProgram, type RunningProgram } from '@interlock/observability';
import { readyDatabase } from '@interlock/persistence';
import { createWorker } from './create-worker.js';

await runProgram(async (stopping): Promise<RunningProgram> => {
  const settings = readSettings();
  armFaultPoints(settings.faultWishes);
  const logger = bootLogger(settings, 'worker');
  const worker = await createWorker(await readyDatabase(settings, logger, stopping));
  const { host, workerPort: port, shutdownGraceMs } = settings;
  const address = await listen(worker, { program: 'worker', host, port, portSetting: 'WORKER_PORT' });
  logger.info({ address }, `the worker takes runs; its health is at ${address}/health`);
  // What closes after the runs, connections above all, gets as long again and a little.
  return { stop: () => worker.close(), stopDeadlineMs: shutdownGraceMs + 5_000 };
});
