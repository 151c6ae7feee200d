import type { OpenAPIObject } from '@nestjs/swagger';
import type { Route } from '../http/route-table.js';
import type { Operation } from './document-types.js';

export const DOCS_PATH = '/api/docs';
export const JSON_PATH = '/api/openapi.json';
const FILE_PATH = `${DOCS_PATH}/:file`;

/** The routes of the document and its page. They are no controller's; the front door has to know them all the same. */
export const DOCS_ROUTES: Route[] = [DOCS_PATH, FILE_PATH, JSON_PATH].map((pattern) => ({
  method: 'GET',
  pattern,
  access: 'public',
  quiet: true,
  urgent: false,
  takesBody: false,
  takesQuery: false,
  refusals: [],
}));

/** What @nestjs/swagger says of routes that a controller declares, for those that none does. */
export function docsPaths(): OpenAPIObject['paths'] {
  return {
    [DOCS_PATH]: {
      get: operation('getDocsPage', 'This document as a page, with which requests can be tried out.', {
        'text/html': { schema: { type: 'string' }, example: '<!DOCTYPE html>…' },
      }),
    },
    [FILE_PATH.replace(':file', '{file}')]: {
      get: {
        ...operation('getDocsFile', 'A script, style sheet or picture of the page.', {
          'text/javascript': { schema: { type: 'string' }, example: '!function webpackUniversalModuleDefinition(…' },
          'application/javascript': { schema: { type: 'string' }, example: 'window.onload = function() {…' },
          'text/css': { schema: { type: 'string' }, example: '.swagger-ui{…' },
          'image/png': { schema: { type: 'string', format: 'binary' }, example: '\u0089PNG…' },
        }),
        parameters: [
          {
            name: 'file',
            in: 'path',
            required: true,
            description: 'Name of the file, as the page asks for it.',
            schema: { type: 'string' },
            example: 'swagger-ui.css',
          },
        ],
      },
    },
    [JSON_PATH]: {
      get: operation('getOpenApiDocument', 'This document, OpenAPI 3.1 in JSON.', {
        'application/json': {
          schema: { type: 'object', additionalProperties: true },
          example: { openapi: '3.1.0', info: { title: 'Interlock API' } },
        },
      }),
    },
  };
}

function operation(operationId: string, summary: string, content: Record<string, object>): Operation {
  return { operationId, summary, tags: ['Docs'], responses: { 200: { description: summary, content } } };
}
