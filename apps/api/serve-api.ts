import type { Settings } from '@interlock/config';
import { CannotStart, EXIT_STATUS } from '@interlock/observability';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Readiness } from './health/readiness.js';

const IDLE_CHECK_MS = 50;

/**
 * Opens the api.
 * @returns its address, such as `http://127.0.0.1:3000`
 * @throws CannotStart when host and port cannot be had
 */
export async function listen(app: NestExpressApplication, { host, port }: Settings): Promise<string> {
  try {
    await app.listen(port, host);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const reason = code === 'EADDRINUSE' ? 'something else uses it' : `the system says ${code}`;
    const message = `The api cannot listen on port ${port} of ${host}: ${reason}. PORT and HOST choose another.`;
    throw new CannotStart(message, EXIT_STATUS.unavailable);
  }
  return app.getUrl();
}

/** Takes no more requests, lets those under way end within `graceMs`, and closes everything. */
export async function stopApi(app: NestExpressApplication, graceMs: number): Promise<void> {
  app.get(Readiness).end();
  const server = app.getHttpServer();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A connection kept open after its last answer would hold the server until it times out.
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
  const deadline = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(idle);
  clearTimeout(deadline);
  await app.close();
}
