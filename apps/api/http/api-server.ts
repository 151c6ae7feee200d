import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { BoundedServer } from '@interlock/observability';
import { newId } from '@interlock/persistence';
import { ApiError, invalid, SOON } from './api-error.js';
import { envelope } from './answer-error.js';
import { statusOf } from './error-codes.js';

/** A server whose own refusals are the envelope of contracts.md too. */
export class ApiServer extends BoundedServer {
  override initHttpServer(): void {
    super.initHttpServer();
    const server = this.httpServer as Server;
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => refuse(socket, refusalOf(error)));
    // An expectation that we do not know is no reason to refuse; Node would answer 417 with an empty body.
    server.on('checkExpectation', (request, response) => server.emit('request', request, response));
    server.on('connect', (_request, socket) => refuse(socket, new ApiError('METHOD_NOT_ALLOWED', 'This is no proxy.')));
  }

  protected override refuseConnection(socket: Socket): void {
    socket.on('error', () => undefined); // it may be gone before it has read
    refuse(socket, new ApiError('OVERLOADED', 'Too many connections are open.', {}, SOON));
  }
}

function refusalOf(error: NodeJS.ErrnoException): ApiError {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new ApiError('REQUEST_TIMEOUT', 'The request did not arrive in time.');
  }
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    return new ApiError('HEADERS_TOO_LARGE', 'Request line and headers are larger than 16 KiB together.');
  }
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
    ...Object.entries(error.headers).map(([name, value]) => `${name}: ${value}`),
    ...(error.code === 'METHOD_NOT_ALLOWED' ? ['allow: GET, HEAD, POST, PUT, DELETE, OPTIONS'] : []),
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
