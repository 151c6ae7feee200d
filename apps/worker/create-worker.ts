import type { Settings } from '@interlock/config';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Logger } from 'nestjs-pino';
import { WorkerModule } from './worker.module.js';

/** Builds the worker. It takes jobs once it is initialised; `listen` opens its health port. */
export async function createWorker(settings: Settings): Promise<NestExpressApplication> {
  const worker = await NestFactory.create<NestExpressApplication>(WorkerModule.forRoot(settings), {
    bufferLogs: true,
    abortOnError: false,
  });
  worker.useLogger(worker.get(Logger));
  worker.disable('x-powered-by');
  return worker;
}
