import { type Labels, Metrics } from '@interlock/observability';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { contextOf } from '../http/request-context.js';
import type { Route } from '../http/route-table.js';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
/** Stands for every path that is no route, and `other` for every method that nobody uses: a caller could make up thousands. */
const UNKNOWN_ROUTE = 'unknown';
const OTHER_METHOD = 'other';
const STATUSES = ['2xx', '4xx', '5xx'];

/**
 * Counts requests and measures how long they take, by the route's pattern.
 * @param routes those that exist; their series are there from the start
 */
export function measureRequests(metrics: Metrics, routes: readonly Route[]): RequestHandler {
  const known: Labels<'method' | 'route'>[] = [
    ...routes.map(({ method, pattern }) => ({ method, route: pattern })),
    ...[...METHODS, OTHER_METHOD].map((method) => ({ method, route: UNKNOWN_ROUTE })),
  ];
  const requests = metrics.counter(
    'interlock_http_requests_total',
    'Requests by method, route and class of status; closed: the caller was gone before the answer',
    known.flatMap((labels) => STATUSES.map((status) => ({ ...labels, status }))),
  );
  const durations = metrics.durations(
    'interlock_http_request_duration_seconds',
    'How long requests took, from their arrival to the end of their answer',
    known,
  );
  // Looked up once per series: finding one by its labels costs more than counting. There are no more series than labels allow.
  const counters = remembered((labels, status: string) => requests.labels({ ...labels, status }));
  const histograms = remembered((labels) => durations.labels(labels));
  return (request: Request, response: Response, next: NextFunction) => {
    const startedAt = performance.now();
    response.once('close', () => {
      const labels = labelsOf(request);
      const status = response.writableFinished ? `${Math.floor(response.statusCode / 100)}xx` : 'closed';
      counters(labels, status).inc();
      histograms(labels, '').observe((performance.now() - startedAt) / 1_000);
    });
    next();
  };
}

function remembered<T>(make: (labels: Labels<'method' | 'route'>, status: string) => T) {
  const made = new Map<string, T>();
  return (labels: Labels<'method' | 'route'>, status: string): T => {
    const key = `${labels.method} ${labels.route} ${status}`;
    const found = made.get(key) ?? make(labels, status);
    made.set(key, found);
    return found;
  };
}

function labelsOf(request: Request): Labels<'method' | 'route'> {
  const { route } = contextOf(request);
  const method = METHODS.includes(request.method) ? request.method : OTHER_METHOD;
  return { method, route: route?.pattern ?? UNKNOWN_ROUTE };
}
