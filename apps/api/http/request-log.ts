import { correlated } from '@interlock/observability';
import { Logger } from '@nestjs/common';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { RefusalLog } from './refusal-log.js';
import { openContext, type RequestContext } from './request-context.js';

/** How long the rest of a body that nobody wants may keep its connection. */
const LINGER_MS = 2_000;

const logger = new Logger('http');
const refusals = new RefusalLog();

/**
 * First step of every request: gives it an id that goes into the answer and into every log line, and writes one line when it is
 * over.
 * @param isEnding true while the process shuts down; connections are not kept then
 */
export function openRequest(isEnding: () => boolean): RequestHandler {
  return (request: Request, response: Response, next: NextFunction) => {
    const context = openContext(request);
    const startedAt = performance.now();
    // Node's own way: Express would look at each name and value once more.
    response.setHeader('x-request-id', context.requestId);
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('cache-control', 'no-store');
    if (isEnding()) response.set('connection', 'close');
    response.once('finish', () => endLingeringBody(request));
    correlated({ requestId: context.requestId }, () => {
      response.once('close', () => {
        correlated({ requestId: context.requestId }, () => logRequest(request, response, context, startedAt));
      });
      next();
    });
  };
}

function logRequest(request: Request, response: Response, context: RequestContext, startedAt: number): void {
  const { route, actor, caller, refusal } = context;
  if (refusals.takes(refusal, { route: route?.pattern ?? 'unknown', ...(caller === undefined ? {} : { caller }) }))
    return;
  const line = {
    method: request.method,
    // Never the address as sent: a caller may have put a secret into it.
    route: route?.pattern ?? 'unknown',
    status: response.writableFinished ? response.statusCode : 'closed by the caller',
    ms: Math.round((performance.now() - startedAt) * 10) / 10,
    ...(actor === undefined ? {} : { actor: actor.name }),
  };
  const text = `${line.method} ${line.route} ${line.status}`;
  if (response.statusCode >= 500) logger.warn(line, text);
  else if (route?.quiet === true) logger.debug(line, text);
  else logger.log(line, text);
}

/**
 * Once the answer is out, Node discards the rest of the body, so that the caller gets to read the answer and may go on using the
 * connection. One that keeps sending is cut off.
 */
function endLingeringBody(request: Request): void {
  if (request.complete) return;
  const deadline = setTimeout(() => request.socket.destroy(), LINGER_MS).unref();
  request.once('close', () => clearTimeout(deadline));
}
