import type { RequestListener, Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SERVER_OPTIONS } from './http/server-options.js';
import { CannotStart, EXIT_STATUS } from './run-program.js';

/** Where a program listens, and what it and its port's setting are called when that cannot be had. */
export interface ListenAddress {
  readonly program: string;
  readonly host: string;
  readonly port: number;
  readonly portSetting: string;
}

/**
 * Connections that may wait to be taken, as far as the system allows. With Node's 511 the later of a burst would try again only after a
 * second, and after three.
 */
const BACKLOG = 4_096;

/**
 * Who answers at a program's port until the program itself can. A port that refuses connections looks like a process that is gone,
 * and would be restarted or given up for it, while all that it does is wait.
 */
export class Doorkeeper {
  private constructor(private readonly server: Server) {}

  /**
   * Opens the port.
   * @param answer what is said until the program takes over
   * @throws CannotStart when host and port cannot be had
   */
  static async open(address: ListenAddress, answer: RequestListener): Promise<Doorkeeper> {
    const server = createServer(SERVER_OPTIONS, answer);
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(cannotListen(address, error)));
      server.listen({ port: address.port, host: address.host, backlog: BACKLOG }, resolve);
    });
    return new Doorkeeper(server);
  }

  /**
   * Lets the program's own server take over, without a moment in which nobody listens: both share the listening socket, which from
   * then on is the program's to close.
   * @returns the program's address, such as `http://127.0.0.1:3000`
   */
  async handOver(program: Server): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      program.once('error', reject);
      program.listen(this.server, () => {
        program.off('error', reject);
        resolve();
      });
    });
    this.server.closeIdleConnections();
    return addressOf(program.address() as AddressInfo);
  }

  /** Closes the port. Not after `handOver`. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }
}

/** Where to reach a server, also one that listens everywhere. */
function addressOf({ address, family, port }: AddressInfo): string {
  if (family === 'IPv6') return `http://[${address === '::' ? '::1' : address}]:${port}`;
  return `http://${address === '0.0.0.0' ? '127.0.0.1' : address}:${port}`;
}

function cannotListen({ program, host, port, portSetting }: ListenAddress, error: NodeJS.ErrnoException): Error {
  const { code } = error;
  if (code === undefined) return error;
  const reason = code === 'EADDRINUSE' ? 'something else uses it' : `the system says ${code}`;
  const message = `The ${program} cannot listen on port ${port} of ${host}: ${reason}. ${portSetting} and HOST choose another.`;
  return new CannotStart(message, EXIT_STATUS.unavailable);
}
