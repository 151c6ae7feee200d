import { type Actor, type Authentication, type Authenticator, includesRole, type Role } from '@interlock/access';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { answerError } from './answer-error.js';
import { ApiError, invalid, notFound } from './api-error.js';
import type { RequestLimits } from './limits/request-limits.js';
import type { WorkLimit } from './limits/work-limit.js';
import { readJsonBody } from './read-body.js';
import { contextOf } from './request-context.js';
import type { Match, Route, RouteTable } from './route-table.js';
import { openStreamedBody } from './streamed-body.js';
import { byField } from './text-checks.js';

const MOST_PARAMETERS = 100;

/** What the front door judges requests by. */
export interface FrontDoorRules {
  readonly routes: RouteTable;
  readonly authenticator: Authenticator;
  readonly requestLimits: RequestLimits;
  readonly workLimit: WorkLimit;
}

/**
 * What happens before a route's own work, in the order of contracts.md: rate limit, path and method, then authentication, then the
 * body. Express and Nest would read the body first and call a wrong method an unknown path.
 */
export function frontDoor({ routes, authenticator, requestLimits, workLimit }: FrontDoorRules): RequestHandler {
  return (request: Request, response: Response, next: NextFunction) => {
    const admit = async (): Promise<void> => {
      const match = routes.match(request.method, request.path);
      const token = bearerToken(request.headers.authorization);
      const authentication = authenticator.authenticate(token ?? '');
      if (match.kind === 'route') contextOf(request).route = match.route;
      requestLimits.count(request, contextOf(request).route, authentication);
      const route = routeFor(request, response, match);
      if (route === undefined) return;
      if (route.access !== 'public') contextOf(request).actor = authorized(token, authentication, route.access);
      const presence = workLimit.enter(response, route);
      refuseManyParameters(request.url);
      if (route.streams) contextOf(request).streamedBody = openStreamedBody(request, response, route.streams);
      if (route.takesBody) request.body = await readJsonBody(request);
      if (!route.takesQuery) refuseQuery(request);
      await presence.turn();
      next();
    };
    admit().catch((error: unknown) => answerError(request, response, error));
  };
}

/** The route that is asked for, or undefined when the request is answered already (OPTIONS). */
function routeFor(request: Request, response: Response, match: Match): Route | undefined {
  if (request.httpVersion === '1.1' && request.headers.host === undefined) throw invalid({ host: ['must be sent'] });
  if (match.kind === 'unknown-path') throw notFound('There is nothing at this path.');
  if (match.kind === 'route') return match.route;
  if (request.method !== 'OPTIONS') {
    throw new ApiError('METHOD_NOT_ALLOWED', `This path takes ${match.allow}.`, {}, { allow: match.allow });
  }
  response.status(204).set('allow', match.allow).end();
  return undefined;
}

function authorized(token: string | undefined, authentication: Authentication, needed: Role): Actor {
  // Told first, whatever was sent: asking for a token would mislead while none can be right.
  if (authentication.kind === 'unconfigured') {
    throw new ApiError('ADMIN_TOKEN_NOT_CONFIGURED', 'No token is configured: set ADMIN_API_TOKEN and start again.');
  }
  if (token === undefined) {
    const message = 'Send the header "Authorization: Bearer <token>".';
    throw new ApiError('UNAUTHENTICATED', message, {}, { 'www-authenticate': 'Bearer' });
  }
  if (authentication.kind === 'unknown' || !includesRole(authentication.actor.role, needed)) {
    throw new ApiError('FORBIDDEN', 'This token does not allow that.');
  }
  return authentication.actor;
}

export function bearerToken(header: string | undefined): string | undefined {
  return /^bearer +([\x21-\x7e]+)$/i.exec(header ?? '')?.[1];
}

/** An answer that names thousands of unknown parameters would be many times as large as the request. */
function refuseManyParameters(url: string): void {
  if (url.split('&').length <= MOST_PARAMETERS) return;
  throw invalid({ query: [`must not have more than ${MOST_PARAMETERS} parameters`] });
}

/** A parameter that is silently ignored could mean anything to whoever sent it. */
function refuseQuery(request: Request): void {
  if (!request.url.includes('?')) return;
  const faults = Object.keys(request.query).map((name) => [name, 'is not known here'] as const);
  if (faults.length > 0) throw invalid(byField(faults));
}

/** Express's `query parser`: a parameter given once is a text, one given more often a list. An address without query gives null. */
export function parseQuery(text: string | null): Record<string, string | string[]> {
  const values = new Map<string, string | string[]>();
  for (const [name, value] of new URLSearchParams(text ?? '')) {
    const before = values.get(name);
    values.set(name, before === undefined ? value : [before, value].flat());
  }
  return Object.fromEntries(values);
}
