import type { Settings } from '@interlock/config';
import { ProgramLogger } from '@interlock/observability';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { WorkerModule } from './worker.module.js';

/** Builds the worker. It takes jobs once it is initialised; `listen` opens its health port. */
export async function createWorker(settings: Settings): Promise<NestExpressApplication> {
  const worker = await NestFactory.create<NestExpressApplication>(WorkerModule.forRoot(settings), {
    bufferLogs: true,
    abortOnError: false,
  });
  worker.useLogger(worker.get(ProgramLogger));
  worker.disable('x-powered-by');
  return worker;
}
