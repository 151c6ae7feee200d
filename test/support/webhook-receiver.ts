import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface ReceivedPost {
  readonly at: number;
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: { text: string; event: Record<string, unknown> };
}

type Answer = (response: ServerResponse, post: ReceivedPost) => unknown;

/** How a receiver may behave. */
export const answers = {
  ok: ((response) => response.end('ok')) as Answer,
  /** Never answers. */
  hang: (() => undefined) as Answer,
  /** Says that all is well, and does not come to an end. */
  half: ((response) => response.writeHead(200, { 'content-length': '10' }).write('half')) as Answer,
  breakOff: ((response) => response.socket?.destroy()) as Answer,
  breakOffInTheBody: ((response) => {
    response.writeHead(200, { 'content-length': '10' }).write('half', () => response.socket?.destroy());
  }) as Answer,
  withoutEnd: ((response) => {
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
      if (!response.destroyed) response.once('drain', more);
    };
    response.writeHead(200);
    more();
  }) as Answer,
  status:
    (status: number): Answer =>
    (response) =>
      response.writeHead(status).end('no'),
  redirectTo:
    (location: string): Answer =>
    (response) =>
      response.writeHead(307, { location }).end(),
};

/** A receiver of webhooks on loopback that answers as it is told to. */
export class WebhookReceiver {
  readonly posts: ReceivedPost[] = [];
  answer: Answer = answers.ok;

  private constructor(private readonly server: Server) {
    server.on('request', (request: IncomingMessage, response: ServerResponse) => void this.take(request, response));
  }

  static async start(): Promise<WebhookReceiver> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new WebhookReceiver(server);
  }

  /** Holds a key, as such addresses often do. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hooks/${WEBHOOK_KEY}?also=${WEBHOOK_KEY}`;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    const body = JSON.parse(await text(request)) as ReceivedPost['body'];
    const { method, url: path, headers } = request;
    const post = { at: performance.now(), method, path, headers, body };
    this.posts.push(post);
    this.answer(response, post);
  }
}

/** Must never be seen anywhere but in the request line. */
export const WEBHOOK_KEY = 'key-that-nobody-may-see-5f2c';
