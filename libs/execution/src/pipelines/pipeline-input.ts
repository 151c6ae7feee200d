import type { Type } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { type ValidationError, validateSync } from 'class-validator';
import type { InputVerdict } from '../pipeline.js';

/**
 * Checks an input against a class with class-validator's decorators, whose initial values are the defaults. Unknown fields are
 * faults. Errors are named `input.<field>`.
 */
export function checkAgainst(schema: Type<object>, input: Record<string, unknown>): InputVerdict {
  const candidate = plainToInstance(schema, input, { exposeUnsetFields: false });
  const errors = validateSync(candidate, {
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    stopAtFirstError: false,
  });
  if (errors.length === 0) return { ok: true, input: { ...candidate } };
  return { ok: false, fieldErrors: Object.fromEntries(errors.map(describe)) };
}

function describe(error: ValidationError): [string, string[]] {
  const messages = Object.entries(error.constraints ?? {}).map(([rule, message]) =>
    rule === 'whitelistValidation' ? 'is not a known field' : message,
  );
  return [`input.${error.property}`, messages.length > 0 ? messages : ['is not valid']];
}
