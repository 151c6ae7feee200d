import type { Request } from 'express';
import { invalid } from '../http/api-error.js';
import { constraint } from '../http/constraints.js';

const HEADER = 'idempotency-key';
export const KEY_PATTERN = /^[\x21-\x7e]{1,128}$/;
const KEY_ALLOWED = 'must be 1 to 128 visible ASCII characters without blanks';

/** The key as a field of a body. */
export function IdempotencyKey(): PropertyDecorator {
  const test = (value: unknown) => typeof value === 'string' && KEY_PATTERN.test(value);
  return constraint('idempotencyKey', KEY_ALLOWED, test, { type: String, pattern: KEY_PATTERN.source });
}

/** For the OpenAPI document. */
export const IDEMPOTENCY_KEY_HEADER = {
  name: HEADER,
  required: false,
  description:
    'The field `idempotencyKey`, for those who set headers more easily than bodies. Both and different: 400.',
  schema: { type: 'string', pattern: KEY_PATTERN.source },
  example: 'daily-2026-11-23',
};

/** Where a request may have its key beside the header, and what keys look like there. */
export interface KeyField {
  readonly field: string;
  readonly pattern: RegExp;
  readonly allowed: string;
}

const OF_STARTS: KeyField = { field: 'idempotencyKey', pattern: KEY_PATTERN, allowed: KEY_ALLOWED };

/**
 * The key of a request, which may stand in its body or in the header.
 * @throws ApiError when the header's is malformed, given twice, or another than the body's
 */
export function idempotencyKeyOf(
  request: Request,
  inBody: string | undefined,
  { field, pattern, allowed } = OF_STARTS,
): string | undefined {
  const inHeader = request.headers[HEADER];
  if (inHeader === undefined) return inBody;
  // Node joins a header that is sent twice with a comma and a blank, which no key may hold.
  if (typeof inHeader !== 'string' || !pattern.test(inHeader)) throw invalid({ [HEADER]: [allowed] });
  if (inBody !== undefined && inBody !== inHeader) {
    throw invalid({ [field]: [`must be the same as the header ${HEADER}, or only one of them be sent`] });
  }
  return inHeader;
}

/** @throws ApiError when the header is sent with several things at once, each of which has a key of its own */
export function refuseKeyInHeader(request: Request, field: string): void {
  if (request.headers[HEADER] === undefined) return;
  throw invalid({ [HEADER]: [`is for one of them; each has its own ${field}`] });
}
