import { Authenticator } from '@interlock/access';
import type { Settings } from '@interlock/config';
import { Metrics, ProgramLogger } from '@interlock/observability';
import { DiscoveryService, MetadataScanner, NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { ApiModule } from './api.module.js';
import { DOCS_ROUTES } from './docs/docs-routes.js';
import { serveDocs } from './docs/openapi.js';
import { Readiness } from './health/readiness.js';
import { ApiServer } from './http/api-server.js';
import { collectRoutes } from './http/collect-routes.js';
import { frontDoor, parseQuery } from './http/front-door.js';
import { openRequest } from './http/request-log.js';
import { RequestLimits } from './http/limits/request-limits.js';
import { WorkLimit } from './http/limits/work-limit.js';
import { RouteTable } from './http/route-table.js';
import { measureRequests } from './metrics/request-metrics.js';

/**
 * Builds the api; `listen` opens it. The database must answer and be migrated: the queue's client stays dead otherwise.
 * @throws Error when a route does not declare who may call it
 */
export async function createApi(settings: Settings): Promise<NestExpressApplication> {
  const server = new ApiServer(settings.http.maxConnections);
  const app = await NestFactory.create<NestExpressApplication>(ApiModule.forRoot(settings), server, {
    bodyParser: false, // it would run before authentication; the front door reads bodies
    bufferLogs: true,
    abortOnError: false,
  });
  app.useLogger(app.get(ProgramLogger));
  app.disable('x-powered-by').disable('etag').set('query parser', parseQuery);

  const routes = collectRoutes(app.get(DiscoveryService), app.get(MetadataScanner));
  const readiness = app.get(Readiness);
  app.use(openRequest(() => readiness.isEnding));
  const metrics = app.get(Metrics, { strict: false });
  server.report(metrics);
  app.use(measureRequests(metrics, [...routes, ...DOCS_ROUTES]));
  if (settings.corsOrigins.length > 0) allowOrigins(app, settings.corsOrigins);
  app.use(
    frontDoor({
      routes: new RouteTable([...routes, ...DOCS_ROUTES]),
      authenticator: app.get(Authenticator, { strict: false }),
      requestLimits: new RequestLimits(settings.http, metrics),
      workLimit: new WorkLimit(metrics),
    }),
  );
  serveDocs(app, routes);
  return app;
}

function allowOrigins(app: NestExpressApplication, origins: readonly string[]): void {
  app.enableCors({
    origin: [...origins],
    allowedHeaders: ['authorization', 'content-type', 'idempotency-key', 'x-request-id'],
    exposedHeaders: ['x-request-id'],
    preflightContinue: true, // the front door answers OPTIONS, with the path's own methods
    maxAge: 600,
  });
}
