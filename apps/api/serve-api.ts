import type { NestExpressApplication } from '@nestjs/platform-express';
import type { ApiServer } from './http/api-server.js';
import { Readiness } from './health/readiness.js';

const IDLE_CHECK_MS = 50;

/** Takes no more requests, lets those under way end within `graceMs`, and closes everything. */
export async function stopApi(app: NestExpressApplication, graceMs: number): Promise<void> {
  app.get(Readiness).end();
  const server = app.getHttpServer();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A connection kept open after its last answer would hold the server until it times out.
  const connections = app.getHttpAdapter() as unknown as ApiServer;
  const idle = setInterval(() => connections.closeIdleConnections(), IDLE_CHECK_MS);
  const deadline = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(idle);
  clearTimeout(deadline);
  await app.close();
}
