import { createServer } from 'node:net';

/**
 * A free port below those that systems give to outgoing connections: while the server is down, one of its clients could be given
 * its port, and even be connected to itself.
 */
export async function quietPort(from = 20_000, to = 32_000): Promise<number> {
  for (;;) {
    const port = from + Math.floor(Math.random() * (to - from));
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}
