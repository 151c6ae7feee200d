import { createServer, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { newId } from '@interlock/persistence';
import { ExpressAdapter } from '@nestjs/platform-express';
import { ApiError, invalid } from './api-error.js';
import { envelope } from './answer-error.js';
import { statusOf } from './error-codes.js';

const SERVER_OPTIONS = {
  /** Longest time for a request's headers, and for the whole of it. Slower bodies are refused before: read-body.ts, streamed-body.ts. */
  headersTimeout: 10_000,
  requestTimeout: 11 * 60_000,
  connectionsCheckingInterval: 2_000,
  /** Longer than the idle timeout of usual proxies (60 s), so that it is never we who close a connection about to be used. */
  keepAliveTimeout: 65_000,
  /** A request without a host is refused by the front door: Node's own answer would not be our envelope. */
  requireHostHeader: false,
};

/** Express on a server whose own refusals are the envelope of contracts.md too. */
export class ApiServer extends ExpressAdapter {
  override initHttpServer(): void {
    const server: Server = createServer(SERVER_OPTIONS, this.getInstance());
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => refuse(socket, refusalOf(error)));
    // An expectation that we do not know is no reason to refuse; Node would answer 417 with an empty body.
    server.on('checkExpectation', (request, response) => server.emit('request', request, response));
    server.on('connect', (_request, socket) => refuse(socket, new ApiError('METHOD_NOT_ALLOWED', 'This is no proxy.')));
    this.httpServer = server;
  }
}

function refusalOf(error: NodeJS.ErrnoException): ApiError {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new ApiError('REQUEST_TIMEOUT', 'The request did not arrive in time.');
  }
  if (error.code === 'HPE_HEADER_OVERFLOW') return new ApiError('PAYLOAD_TOO_LARGE', 'The headers are too large.');
  return invalid({ request: ['must be well-formed HTTP'] });
}

/** Answers what never became a request, and ends the connection: where the next one would begin is unknown. */
function refuse(socket: Duplex, error: ApiError): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const requestId = newId();
  const body = JSON.stringify(envelope(error, requestId));
  const head = [
    `HTTP/1.1 ${statusOf(error.code)} ${error.code}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    ...(error.code === 'METHOD_NOT_ALLOWED' ? ['allow: GET, HEAD, POST, PUT, DELETE, OPTIONS'] : []),
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
