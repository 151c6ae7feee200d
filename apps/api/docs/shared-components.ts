import type { OpenAPIObject } from '@nestjs/swagger';
import type { ErrorHeader } from './error-description.js';
import { errorHeaders } from './error-responses.js';
import { ID } from './fields.js';

type Components = NonNullable<OpenAPIObject['components']>;
type HeaderObject = NonNullable<Components['headers']>[string];

const REQUEST_ID_PATTERN = '^[\\x21-\\x7e]{1,128}$';

const HEADERS: Record<ErrorHeader | 'x-request-id', HeaderObject> = {
  'x-request-id': {
    description:
      "The request's id: the caller's own when it was sent, else a new one. It stands in every line of the log.",
    required: true,
    schema: { type: 'string', pattern: REQUEST_ID_PATTERN },
    example: ID.example,
  },
  allow: {
    description: 'The methods that the path takes.',
    schema: { type: 'string' },
    example: 'POST, OPTIONS',
  },
  'retry-after': {
    description: 'After how many seconds a repetition makes sense.',
    schema: { type: 'integer', minimum: 1 },
    example: 1,
  },
  'www-authenticate': {
    description: 'The scheme of the header `Authorization`.',
    schema: { type: 'string' },
    example: 'Bearer',
  },
};

/** Those that some answer has. */
export function headers(): Record<string, HeaderObject> {
  return Object.fromEntries(['x-request-id' as const, ...errorHeaders()].map((name) => [name, HEADERS[name]]));
}

export const PARAMETERS: Components['parameters'] & object = {
  'x-request-id': {
    name: 'x-request-id',
    in: 'header',
    required: false,
    description: 'An id of your own for this request, 1 to 128 visible ASCII characters; others are replaced.',
    schema: { type: 'string' },
  },
};

export const SECURITY_SCHEMES: Components['securitySchemes'] & object = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description: 'A token with the role that the route takes. `ADMIN_API_TOKEN` is the one of the first admin.',
  },
  metrics: {
    type: 'http',
    scheme: 'bearer',
    description: 'The token of the setting `METRICS_TOKEN`; only asked for when that is set.',
  },
};
