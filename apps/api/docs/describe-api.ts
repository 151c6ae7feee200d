import { readSettings } from '@interlock/config';
import { DiscoveryService, MetadataScanner, ModulesContainer, NestFactory } from '@nestjs/core';
import type { OpenAPIObject } from '@nestjs/swagger';
import { ApiModule } from '../api.module.js';
import { openApiDocument } from './document.js';
import { collectRoutes } from '../http/collect-routes.js';

/** Never asked for anything: in preview nothing is connected to. */
const NO_DATABASE = 'postgres://nobody@127.0.0.1:1/none';

/** The api's OpenAPI document, without a running api, database or queue: only what the code declares is looked at. */
export async function describeApi(): Promise<OpenAPIObject> {
  const settings = readSettings({ DATABASE_URL: NO_DATABASE });
  const app = await NestFactory.create(ApiModule.forRoot(settings), {
    preview: true,
    abortOnError: false,
    logger: false,
  });
  const discovery = new DiscoveryService(app.get(ModulesContainer));
  return openApiDocument(app, collectRoutes(discovery, new MetadataScanner()));
}
