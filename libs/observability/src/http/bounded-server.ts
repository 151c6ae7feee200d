import { createServer, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { ExpressAdapter } from '@nestjs/platform-express';
import { everySeries, type Metrics } from '../metrics/metrics.js';
import { connectionLimit, Connections } from './connections.js';
import { SERVER_OPTIONS } from './server-options.js';
import { UnreadAnswers } from './unread-answers.js';

const IDLE_CHECK_MS = 50;

/** Express on a server that slow, idle and too many callers cannot hold. */
export class BoundedServer extends ExpressAdapter {
  private bounds: { connections: Connections; unread: UnreadAnswers } | undefined;

  /** @param maxConnections most open connections; fewer where the system allows fewer open files */
  constructor(private readonly maxConnections: number) {
    super();
  }

  override initHttpServer(): void {
    const answer = this.getInstance<RequestListener>();
    const server: Server = createServer(SERVER_OPTIONS, (request, response) => {
      // What comes over a refused connection before it is closed must not be carried out: its caller was told that it is not.
      if (this.bounds?.connections.has(request.socket) === true) answer(request, response);
    });
    const unread = new UnreadAnswers(server);
    const connections = new Connections(
      server,
      connectionLimit(this.maxConnections),
      () => unread.cutOldest(),
      (socket) => this.refuseConnection(socket),
    );
    this.bounds = { connections, unread };
    this.httpServer = server;
  }

  /** Takes no more connections and closes those on which nothing is under way, until none is left. */
  override async close(): Promise<void> {
    const idle = setInterval(() => this.closeIdleConnections(), IDLE_CHECK_MS);
    await super.close();
    clearInterval(idle);
  }

  /** Closes the connections on which nothing is under way. */
  closeIdleConnections(): void {
    this.bounds?.connections.closeIdle();
  }

  /** Adds the server's own series. */
  report(metrics: Metrics): void {
    const open = metrics.gauge(
      'interlock_http_connections',
      'Open connections: busy with a request, or idle',
      everySeries({ state: ['busy', 'idle'] }),
    );
    const limit = metrics.gauge('interlock_http_connections_limit', 'Most connections that may be open', [{}]);
    const closed = metrics.counter(
      'interlock_http_connections_closed_total',
      'Connections that we closed: idle ones to make room, new ones for which there was none, and readers too slow',
      everySeries({ reason: ['idle', 'refused', 'unread'] }),
    );
    const told = { idle: 0, refused: 0, unread: 0 };
    metrics.lookAtScrape('http_connections', () => {
      if (this.bounds === undefined) return;
      const { connections, unread } = this.bounds;
      open.set({ state: 'busy' }, connections.busyCount);
      open.set({ state: 'idle' }, connections.idleCount);
      limit.set(connections.limit);
      const now = { idle: connections.closedIdle, refused: connections.refused, unread: unread.cutOff };
      for (const reason of ['idle', 'refused', 'unread'] as const) {
        closed.inc({ reason }, now[reason] - told[reason]);
        told[reason] = now[reason];
      }
    });
  }

  protected refuseConnection(socket: Socket): void {
    socket.destroy();
  }
}
