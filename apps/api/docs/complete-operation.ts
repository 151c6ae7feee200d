import type { OpenAPIObject } from '@nestjs/swagger';
import type { ErrorCode } from '../http/error-codes.js';
import type { Route } from '../http/route-table.js';
import type { Operation, Reference, Schema } from './document-types.js';
import { errorResponses } from './error-responses.js';

/** Its routes answer with a body of their own when something is down. */
const HEALTH_PATH = '/api/health';

/** Adds what follows from the route's declaration: who may call it, what it takes, and with which errors it may answer. */
export function completeOperation(operation: Operation, route: Route, document: OpenAPIObject): void {
  splitSummary(operation);
  secure(operation, route);
  operation.parameters = [...(operation.parameters ?? []), { $ref: '#/components/parameters/x-request-id' }];
  if (route.takesBody) completeBody(operation, document);
  for (const response of Object.values(operation.responses)) {
    if (response === undefined || '$ref' in response) continue;
    response.headers = { 'x-request-id': { $ref: '#/components/headers/x-request-id' }, ...response.headers };
  }
  const errors = errorResponses(errorCodesOf(route), ((document.components ??= {}).responses ??= {}));
  operation.responses = { ...errors, ...operation.responses };
}

/** The first sentence of a route's comment is its summary, the rest its description. */
function splitSummary(operation: Operation): void {
  const [summary = '', ...rest] = (operation.summary ?? '').replaceAll('\n', ' ').split(/(?<=\.) /);
  operation.summary = summary.replace(/\.$/, '');
  if (rest.length > 0) operation.description = rest.join(' ');
}

function secure(operation: Operation, { access }: Route): void {
  if (access === 'public') {
    if (operation.security !== undefined) return; // it says itself what it takes
    operation.security = [];
    addParagraph(operation, 'Takes no token.');
  } else {
    operation.security = [{ bearer: [] }];
    addParagraph(operation, `Takes a token of the role \`${access}\`${access === 'admin' ? '' : ' or above'}.`);
    Object.assign(operation, { 'x-required-role': access });
  }
}

function addParagraph(operation: Operation, text: string): void {
  operation.description = [operation.description, text].filter(Boolean).join('\n\n');
}

/** An empty body means all defaults, and a field that is not known is refused. */
function completeBody(operation: Operation, document: OpenAPIObject): void {
  if (operation.requestBody === undefined || '$ref' in operation.requestBody) return;
  operation.requestBody.required = false;
  const schema = operation.requestBody.content['application/json']?.schema;
  const body = schema && '$ref' in schema ? schemaAt(schema, document) : schema;
  if (body !== undefined) body.additionalProperties = false;
}

function schemaAt({ $ref }: Reference, document: OpenAPIObject): Schema | undefined {
  return document.components?.schemas?.[$ref.replace('#/components/schemas/', '')] as Schema | undefined;
}

/** All codes with which a route may refuse. */
export function errorCodesOf(route: Route): ErrorCode[] {
  const codes: ErrorCode[] = ['VALIDATION_FAILED', 'METHOD_NOT_ALLOWED', 'REQUEST_TIMEOUT', 'HEADERS_TOO_LARGE'];
  codes.push('INTERNAL_ERROR');
  codes.push(...route.refusals);
  if (route.access !== 'public') {
    codes.push('UNAUTHENTICATED', 'FORBIDDEN', 'ADMIN_TOKEN_NOT_CONFIGURED');
  }
  // Also what needs no database is answered so while the api starts and waits for it.
  if (!route.pattern.startsWith(HEALTH_PATH)) codes.push('DATABASE_UNAVAILABLE');
  if (!route.quiet) codes.push('RATE_LIMITED');
  if (!route.quiet && !route.urgent) codes.push('OVERLOADED');
  if (route.takesBody) codes.push('MALFORMED_JSON');
  if (route.takesBody || route.streams) codes.push('PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE');
  if (route.pattern.includes(':')) codes.push('NOT_FOUND');
  return codes;
}
