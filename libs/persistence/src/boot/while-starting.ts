import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { programVersion } from '@interlock/observability';
import { v7 as newId } from 'uuid';

/** What a program is called in its health's answer, and where that is. */
export interface HealthPlace {
  /** `interlock` */
  readonly service: string;
  /** `/api/health` */
  readonly path: string;
  /** Further fields of the queue's part. */
  readonly queue?: object;
}

const UNASKED = 'not asked yet: the program waits for its database';

/**
 * How a program answers while it waits for its database: it lives, it is not ready, and whatever else is asked of it is refused as
 * when the database is lost later.
 */
export function whileStarting(health: HealthPlace): RequestListener {
  return (request, response) => {
    request.resume(); // a body that nobody reads would keep its sender from reading our answer
    const requestId = requestIdOf(request);
    const [path] = (request.url ?? '').split('?');
    if (path === `${health.path}/live`) return answer(response, 200, requestId, { ok: true });
    if (path === health.path) return answer(response, 503, requestId, unhealthy(health));
    if (path === `${health.path}/ready`) return answer(response, 503, requestId, unready());
    return answer(response, 503, requestId, {
      ok: false,
      code: 'DATABASE_UNAVAILABLE',
      message: 'The program is starting and waits for its database.',
      requestId,
    });
  };
}

function unhealthy(health: HealthPlace): object {
  const now = new Date().toISOString();
  return { ok: false, service: health.service, version: programVersion(), now, ...parts(health) };
}

function unready(): object {
  return { ok: false, shuttingDown: false, ...parts({}) };
}

function parts({ queue }: Pick<HealthPlace, 'queue'>): object {
  return { db: { ok: false, error: UNASKED }, queue: { ok: false, error: UNASKED, ...queue } };
}

function requestIdOf({ headers }: IncomingMessage): string {
  const sent = headers['x-request-id'];
  return typeof sent === 'string' && /^[\x21-\x7e]{1,128}$/.test(sent) ? sent : newId();
}

function answer(response: ServerResponse, status: 200 | 503, requestId: string, body: object): void {
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'x-request-id': requestId,
    connection: 'close', // somebody else is about to answer here
    ...(status === 503 ? { 'retry-after': '1' } : {}),
  };
  response.writeHead(status, headers).end(JSON.stringify(body));
}
