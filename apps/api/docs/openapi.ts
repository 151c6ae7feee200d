import type { NestExpressApplication } from '@nestjs/platform-express';
import { SwaggerModule } from '@nestjs/swagger';
import type { Route } from '../http/route-table.js';
import { DOCS_PATH, JSON_PATH } from './docs-routes.js';
import { openApiDocument } from './document.js';

/** Serves the OpenAPI document of these routes, and a page that shows it without anything from other hosts. */
export function serveDocs(app: NestExpressApplication, routes: readonly Route[]): void {
  SwaggerModule.setup(DOCS_PATH, app, openApiDocument(app, routes), {
    jsonDocumentUrl: JSON_PATH,
    raw: ['json'],
    customSiteTitle: 'Interlock API',
    swaggerOptions: { persistAuthorization: false, displayRequestDuration: true },
  });
}
