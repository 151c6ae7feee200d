import type { INestApplication } from '@nestjs/common';
import { CannotStart, EXIT_STATUS } from './run-program.js';

/** Where a program listens, and what it and its port's setting are called when that cannot be had. */
export interface ListenAddress {
  readonly program: string;
  readonly host: string;
  readonly port: number;
  readonly portSetting: string;
}

/**
 * Opens a program's port.
 * @returns its address, such as `http://127.0.0.1:3000`
 * @throws CannotStart when host and port cannot be had
 */
export async function listen(
  app: INestApplication,
  { program, host, port, portSetting }: ListenAddress,
): Promise<string> {
  try {
    await app.listen(port, host);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const reason = code === 'EADDRINUSE' ? 'something else uses it' : `the system says ${code}`;
    const message = `The ${program} cannot listen on port ${port} of ${host}: ${reason}. ${portSetting} and HOST choose another.`;
    throw new CannotStart(message, EXIT_STATUS.unavailable);
  }
  return app.getUrl();
}
