import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Answer = (response: ServerResponse) => unknown;

/** A markets service on loopback that answers as it is told to, and counts. */
export class MarketsService {
  readonly requests: Pick<IncomingMessage, 'method' | 'url' | 'headers'>[] = [];
  answer: Answer = answerJson({ items: [{ market_id: 'm' }], total: 1 });
  /** Connections open now, and the most that were ever open at once. */
  connections = 0;
  mostConnections = 0;

  readonly port: number;

  private constructor(private readonly server: Server) {
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => {
      this.connections += 1;
      this.mostConnections = Math.max(this.mostConnections, this.connections);
      socket.on('close', () => (this.connections -= 1)).on('error', () => undefined);
    });
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const { method, url, headers } = request;
      this.requests.push({ method, url, headers });
      response.on('error', () => undefined);
      this.answer(response);
    });
  }

  static async start(): Promise<MarketsService> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new MarketsService(server);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    if (!this.server.listening) return;
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }
}

export function answerJson(body: unknown): Answer {
  return answerWith(200, JSON.stringify(body));
}

export function answerWith(status: number, body: string | Buffer, headers: Record<string, string> = {}): Answer {
  return (response) => response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
}
