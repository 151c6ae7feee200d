import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A way to a server that can be cut: everything through it is passed on unread. */
export interface Relay {
  /** The server's address by way of the relay. */
  readonly url: string;
  /**
   * `open`: as if it were not there. `frozen`: connections are taken and nothing comes back. `cut`: refused, and those there are end.
   * `moved`: as if the server had vanished and another taken its place: nothing comes back on connections there are; new ones are open.
   */
  become(state: 'open' | 'frozen' | 'cut' | 'moved'): Promise<void>;
}

export async function startRelay(target: string): Promise<Relay> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const left = new WeakSet<Socket>();
  let frozen = false;
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('data', (bytes) => frozen || left.has(from) || to.write(bytes));
      from.on('error', () => from.destroy());
      from.on('close', () => sockets.delete(from) && to.destroy());
    }
  });
  const listen = (at: number) => new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve));
  await listen(0);
  const here = (server.address() as AddressInfo).port;
  const url = new URL(target);
  url.host = `127.0.0.1:${here}`;
  return {
    url: url.href,
    become: async (state) => {
      frozen = state === 'frozen';
      if (state !== 'cut' && !server.listening) await listen(here);
      if (state === 'moved') for (const socket of sockets) left.add(socket);
      if (state !== 'cut') return;
      if (server.listening) server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
