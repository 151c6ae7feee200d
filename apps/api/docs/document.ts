import { programVersion } from '@interlock/observability';
import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { ERROR_CODES } from '../http/error-codes.js';
import type { Route } from '../http/route-table.js';
import { completeOperation, errorCodesOf } from './complete-operation.js';
import { DOCS_ROUTES, docsPaths } from './docs-routes.js';
import type { Operation } from './document-types.js';
import { errorSchemas } from './error-responses.js';
import { headers, PARAMETERS, SECURITY_SCHEMES } from './shared-components.js';
import { introduction, TAGS } from './introduction.js';
import { modernized } from './modern-schema.js';

/**
 * The OpenAPI document of these routes and of its own. What a controller declares comes from @nestjs/swagger; what follows from a
 * route's declaration (who may call it, with which errors it may answer) is added here, the same way for all.
 * @throws Error for a route that the document would miss
 */
export function openApiDocument(app: INestApplication, routes: readonly Route[]): OpenAPIObject {
  const all = [...routes, ...DOCS_ROUTES];
  // A code that no route answers with, yet, is nothing for readers.
  const codes = ERROR_CODES.filter((code) => all.some((route) => errorCodesOf(route).includes(code)));
  const builder = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Interlock API')
    .setDescription(introduction(codes))
    .setVersion(programVersion())
    .addServer('/', 'The api that serves this document');
  for (const [name, description] of Object.entries(TAGS)) builder.addTag(name, description);
  const document = SwaggerModule.createDocument(app, builder.build(), {
    operationIdFactory: (_controller, method) => method,
  });
  Object.assign(document.paths, docsPaths());
  document.components = {
    ...document.components,
    schemas: { ...document.components?.schemas, ...errorSchemas(codes) },
    headers: headers(),
    parameters: PARAMETERS,
    securitySchemes: SECURITY_SCHEMES,
  };
  for (const route of all) completeOperation(operationOf(document, route), route, document);
  return modernized(document);
}

function operationOf(document: OpenAPIObject, { method, pattern }: Route): Operation {
  const path = document.paths[pattern.replaceAll(/:(\w+)/g, '{$1}')];
  const operation = path?.[method.toLowerCase() as 'get' | 'post' | 'put' | 'delete'];
  if (operation === undefined) throw new Error(`the document misses ${method} ${pattern}`);
  return operation;
}
