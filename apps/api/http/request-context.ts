import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Actor } from '@interlock/access';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import type { ErrorCode } from './error-codes.js';
import type { Route } from './route-table.js';
import type { StreamedBody } from './streamed-body.js';

/** What the front door learns about a request. */
export interface RequestContext {
  readonly requestId: string;
  route?: Route;
  actor?: Actor;
  /** Whom the rate limits count it as. */
  caller?: string;
  /** The code of the error that it was answered with. */
  refusal?: ErrorCode;
  /** Of a route that reads its body itself. */
  streamedBody?: StreamedBody;
}

const contexts = new WeakMap<IncomingMessage, RequestContext>();

/** Opens the context of a request that has just arrived. */
export function openContext(request: IncomingMessage): RequestContext {
  const context = { requestId: requestIdOf(request.headers['x-request-id']) };
  contexts.set(request, context);
  return context;
}

export function contextOf(request: IncomingMessage): RequestContext {
  const context = contexts.get(request);
  if (context === undefined) throw new Error('the request did not come through the front door');
  return context;
}

/** The caller's own id when it is 1 to 128 visible ASCII characters, else a new one. */
export function requestIdOf(header: string | string[] | undefined): string {
  return typeof header === 'string' && /^[\x21-\x7e]{1,128}$/.test(header) ? header : randomUUID();
}

/** Parameter of a route that declares `@StreamsBody`: its body on the way. */
export const BodyStream = createParamDecorator((_: unknown, execution: ExecutionContext): StreamedBody => {
  const { streamedBody } = contextOf(execution.switchToHttp().getRequest<Request>());
  if (streamedBody === undefined) throw new Error('the route does not declare @StreamsBody');
  return streamedBody;
});

/** Parameter of a protected route: who calls. */
export const Caller = createParamDecorator((_: unknown, execution: ExecutionContext): Actor => {
  const { actor } = contextOf(execution.switchToHttp().getRequest<Request>());
  if (actor === undefined) throw new Error('a public route has no caller');
  return actor;
});
