import { ERROR_CODES, type ErrorCode, statusOf } from '../http/error-codes.js';
import type { Reference, ResponseOrReference, Schema } from './document-types.js';
import type { ErrorHeader } from './error-description.js';
import { ERROR_DESCRIPTIONS } from './error-descriptions.js';
import { ID } from './fields.js';

const GUARD_REFUSAL: Schema = {
  type: 'object',
  description: 'Which guard said no: the rule, where it applies, the value that broke it and the limit.',
  required: ['rule', 'scope', 'current', 'limit'],
  properties: {
    rule: { type: 'string', example: 'position' },
    scope: { type: 'string', example: 'mode:mock' },
    current: {
      type: 'string',
      example: '2000000',
      description: 'An amount or a count; of rules that are no limit, what was seen.',
    },
    limit: {
      type: 'string',
      example: '1000000',
      description: 'An amount or a count; of rules that are no limit, what is allowed.',
    },
  },
};

/** One schema per code, so that a client that has looked at `code` knows which fields there are. */
export function errorSchemas(codes: readonly ErrorCode[]): Record<string, Schema> {
  const schemas = codes.map((code) => [schemaName(code), schemaOf(code)] as const);
  return { GuardRefusal: GUARD_REFUSAL, ...Object.fromEntries(schemas) };
}

/**
 * A route's responses for these codes, by status.
 * @param shared gets the responses that are the same wherever they stand; the route's refer to them
 */
export function errorResponses(
  codes: readonly ErrorCode[],
  shared: Record<string, ResponseOrReference>,
): Record<string, ResponseOrReference> {
  const responses: Record<string, ResponseOrReference> = {};
  for (const status of new Set(codes.map(statusOf))) {
    const [first, ...others] = codes.filter((code) => statusOf(code) === status);
    if (first === undefined) continue;
    if (others.length > 0) responses[status] = responseOf([first, ...others]);
    else {
      shared[schemaName(first)] ??= responseOf([first]);
      responses[status] = { $ref: `#/components/responses/${schemaName(first)}` };
    }
  }
  return responses;
}

/** The headers that come with some error. */
export function errorHeaders(): ErrorHeader[] {
  return [...new Set(ERROR_CODES.flatMap((code) => ERROR_DESCRIPTIONS[code].headers ?? []))];
}

/** The errors as a table in Markdown, for the document's introduction. */
export function errorTable(codes: readonly ErrorCode[]): string {
  const rows = codes
    .toSorted((a, b) => statusOf(a) - statusOf(b))
    .map((code) => `| ${statusOf(code)} | \`${code}\` | ${ERROR_DESCRIPTIONS[code].when} |`);
  return ['| status | code | when |', '|---|---|---|', ...rows].join('\n');
}

function schemaOf(code: ErrorCode): Schema {
  const { when, fields = {}, optionalFields = {} } = ERROR_DESCRIPTIONS[code];
  return {
    type: 'object',
    description: when,
    required: ['ok', 'code', 'message', 'requestId', ...Object.keys(fields)],
    properties: {
      ok: { type: 'boolean', enum: [false] },
      code: { type: 'string', enum: [code] },
      message: { type: 'string', description: 'One plain sentence.' },
      requestId: { type: 'string', description: 'As in the header `x-request-id`; the log has it too.' },
      ...fields,
      ...optionalFields,
    },
  };
}

function responseOf(codes: readonly ErrorCode[]): ResponseOrReference {
  const schemas = codes.map((code): Reference => ({ $ref: schemaPath(code) }));
  const mapping = Object.fromEntries(codes.map((code) => [code, schemaPath(code)]));
  const [only] = schemas;
  const schema =
    codes.length === 1 && only !== undefined
      ? only
      : { oneOf: schemas, discriminator: { propertyName: 'code', mapping } };
  const examples = Object.fromEntries(codes.map((code) => [code, { value: exampleOf(code) }]));
  const names = ['x-request-id', ...codes.flatMap((code) => ERROR_DESCRIPTIONS[code].headers ?? [])];
  return {
    description: codes.map((code) => `\`${code}\`: ${ERROR_DESCRIPTIONS[code].when}`).join('\n\n'),
    headers: Object.fromEntries([...new Set(names)].map((name) => [name, { $ref: `#/components/headers/${name}` }])),
    content: { 'application/json': { schema, examples } },
  };
}

function exampleOf(code: ErrorCode): object {
  const { message, ...fields } = ERROR_DESCRIPTIONS[code].example;
  return { ok: false, code, message, requestId: ID.example, ...fields };
}

/** `KillSwitchOn` for `KILL_SWITCH_ON`. */
function schemaName(code: ErrorCode): string {
  return code.toLowerCase().replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function schemaPath(code: ErrorCode): string {
  return `#/components/schemas/${schemaName(code)}`;
}
