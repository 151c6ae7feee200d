import { programVersion } from '@interlock/observability';
import type { Type } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { DocumentBuilder, getSchemaPath, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { type ErrorCode, statusOf } from '../http/error-codes.js';
import type { Route } from '../http/route-table.js';
import { ErrorEnvelope } from './error-envelope.dto.js';

const DOCS_PATH = '/api/docs';
const JSON_PATH = '/api/openapi.json';
const DESCRIPTION = 'Starts trading runs behind a kill switch and risk guards, and shows what became of them.';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

/** The routes of the document and its page. They are no controller's; the front door has to know them all the same. */
export const DOCS_ROUTES: Route[] = [DOCS_PATH, `${DOCS_PATH}/:file`, JSON_PATH].map((pattern) => ({
  method: 'GET',
  pattern,
  access: 'public',
  quiet: true,
  urgent: false,
  takesBody: false,
  takesQuery: false,
  refusals: [],
}));

/** Serves the OpenAPI document of these routes, and a page that shows it without anything from other hosts. */
export function serveDocs(app: NestExpressApplication, routes: readonly Route[]): void {
  SwaggerModule.setup(DOCS_PATH, app, openApiDocument(app, routes), {
    jsonDocumentUrl: JSON_PATH,
    raw: ['json'],
    customSiteTitle: 'Interlock API',
    swaggerOptions: { persistAuthorization: false, displayRequestDuration: true },
  });
}

export function openApiDocument(app: NestExpressApplication, routes: readonly Route[]): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('Interlock API')
    .setDescription(DESCRIPTION)
    .setVersion(programVersion())
    .addSecurity('bearer', { type: 'http', scheme: 'bearer' })
    .build();
  const extraModels: Type<unknown>[] = [ErrorEnvelope];
  const document = SwaggerModule.createDocument(app, config, {
    extraModels,
    operationIdFactory: (controller, method) => `${controller.replace('Controller', '').toLowerCase()}_${method}`,
  });
  for (const route of routes) {
    const operation = operationOf(document, route);
    if (operation !== undefined) completeOperation(operation, route);
  }
  return document;
}

function operationOf(document: OpenAPIObject, { method, pattern }: Route): Operation | undefined {
  const path = document.paths[pattern.replaceAll(/:(\w+)/g, '{$1}')];
  return path?.[method.toLowerCase() as 'get' | 'post' | 'put' | 'delete'];
}

/** Adds what follows from the route's declaration: who may call it, and with which errors it may answer. */
function completeOperation(operation: Operation, route: Route): void {
  if (route.access !== 'public') {
    operation.security = [{ bearer: [] }];
    operation.description = [operation.description, `Role: ${route.access}.`].filter(Boolean).join(' ');
  }
  if (route.takesBody && operation.requestBody !== undefined && 'required' in operation.requestBody) {
    operation.requestBody.required = false; // an empty body means all defaults
  }
  for (const [status, codes] of codesByStatus(errorCodesOf(route))) {
    operation.responses[status] ??= {
      description: codes.join(', '),
      content: { 'application/json': { schema: { $ref: getSchemaPath(ErrorEnvelope) } } },
    };
  }
}

function errorCodesOf(route: Route): ErrorCode[] {
  const codes: ErrorCode[] = ['VALIDATION_FAILED', 'INTERNAL_ERROR', ...route.refusals];
  if (route.access !== 'public') codes.push('UNAUTHENTICATED', 'FORBIDDEN', 'ADMIN_TOKEN_NOT_CONFIGURED');
  if (!route.quiet) codes.push('RATE_LIMITED', 'DATABASE_UNAVAILABLE');
  if (!route.quiet && !route.urgent) codes.push('OVERLOADED');
  if (route.takesBody) codes.push('MALFORMED_JSON');
  if (route.takesBody || route.streams) codes.push('REQUEST_TIMEOUT', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE');
  if (route.pattern.includes(':')) codes.push('NOT_FOUND');
  return codes;
}

function codesByStatus(codes: readonly ErrorCode[]): Map<string, ErrorCode[]> {
  const byStatus = new Map<string, ErrorCode[]>();
  for (const code of codes) {
    const status = String(statusOf(code));
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return byStatus;
}
