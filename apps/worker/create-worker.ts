import type { Settings } from '@interlock/config';
import { BoundedServer, Metrics, ProgramLogger } from '@interlock/observability';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { WorkerModule } from './worker.module.js';

/** Builds the worker. It takes jobs once it is initialised; `listen` opens its health port. */
export async function createWorker(settings: Settings): Promise<NestExpressApplication> {
  const server = new BoundedServer(settings.http.maxConnections);
  const worker = await NestFactory.create<NestExpressApplication>(WorkerModule.forRoot(settings), server, {
    bodyParser: false, // nothing here takes a body
    bufferLogs: true,
    abortOnError: false,
  });
  worker.useLogger(worker.get(ProgramLogger));
  server.report(worker.get(Metrics, { strict: false }));
  worker.disable('x-powered-by');
  return worker;
}
