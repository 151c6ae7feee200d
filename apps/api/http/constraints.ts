import { NAME_PATTERN } from '@interlock/config';
import { applyDecorators } from '@nestjs/common';
import { type ApiPropertyOptions, ApiPropertyOptional } from '@nestjs/swagger';
import { ValidateBy, ValidateIf } from 'class-validator';
import { CURSOR_PATTERN, idOfCursor } from './cursor.js';

/*
 * What the fields of requests may hold. Each constraint says what is allowed in one place: to the caller whose value it refuses
 * and to the readers of the OpenAPI document.
 */

/** A constraint of one's own: `allowed` continues the sentence "the field …". */
export function constraint(
  name: string,
  allowed: string,
  test: (value: unknown) => boolean,
  schema: ApiPropertyOptions,
): PropertyDecorator {
  return applyDecorators(
    ValidateBy({ name, validator: { validate: test, defaultMessage: () => allowed } }),
    ApiPropertyOptional(schema),
  );
}

/** The field may be left out. It may not be null: class-validator's own IsOptional lets that pass. */
export function Optional(): PropertyDecorator {
  return ValidateIf((_, value) => value !== undefined);
}

export function OneOf(values: readonly string[]): PropertyDecorator {
  const test = (value: unknown) => typeof value === 'string' && values.includes(value);
  return constraint('oneOf', `must be one of ${values.join(', ')}`, test, { type: String, enum: [...values] });
}

export function TrueOrFalse(): PropertyDecorator {
  return constraint('trueOrFalse', 'must be true or false', (value) => typeof value === 'boolean', { type: Boolean });
}

/** `maximum` is in Unicode characters. */
export function TextUpTo(maximum: number): PropertyDecorator {
  const test = (value: unknown) => typeof value === 'string' && Array.from(value).length <= maximum;
  return constraint('textUpTo', `must be a text of at most ${maximum} characters`, test, {
    type: String,
    maxLength: maximum,
  });
}

/** A name as in contracts.md: of a pipeline, strategy, dataset or venue. */
export function Name(): PropertyDecorator {
  const allowed = 'must be 1 to 64 of a-z, 0-9, dot, underscore and hyphen, beginning with a letter or digit';
  const test = (value: unknown) => typeof value === 'string' && NAME_PATTERN.test(value);
  return constraint('name', allowed, test, { type: String, pattern: NAME_PATTERN.source });
}

export function JsonObject(): PropertyDecorator {
  const test = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
  return constraint('jsonObject', 'must be a JSON object', test, { type: 'object', additionalProperties: true });
}

/** An amount of money, prices or units as a JSON number. */
export function PositiveAmount(): PropertyDecorator {
  const allowed = 'must be a number greater than 0 with at most 8 decimals';
  const test = (value: unknown) =>
    typeof value === 'number' && Number.isFinite(value) && value > 0 && decimalsOf(value) <= 8;
  return constraint('positiveAmount', allowed, test, { type: Number, minimum: 0, exclusiveMinimum: true });
}

/** Decimals of the shortest notation that reads back as the same number: 0 for 1e21, 9 for 1e-9. */
function decimalsOf(value: number): number {
  const [digits = '', exponent = '0'] = String(value).split('e');
  const fraction = digits.split('.')[1] ?? '';
  return Math.max(0, fraction.length - Number(exponent));
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function isId(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value);
}

export function Id(): PropertyDecorator {
  return constraint('id', 'must be an id (a UUID)', isId, { type: String, format: 'uuid' });
}

/** Query parameter of lists, as a text of decimal digits. */
export function PageLimit(maximum: number): PropertyDecorator {
  const test = (value: unknown) =>
    typeof value === 'string' && /^[1-9][0-9]{0,5}$/.test(value) && Number(value) <= maximum;
  return constraint('pageLimit', `must be a whole number from 1 to ${maximum}`, test, {
    type: 'integer',
    minimum: 1,
    maximum,
    default: 50,
  });
}

export function Cursor(): PropertyDecorator {
  const test = (value: unknown) => typeof value === 'string' && idOfCursor(value) !== undefined;
  return constraint('cursor', 'must be the nextCursor of a page of this list', test, {
    type: String,
    pattern: CURSOR_PATTERN,
    example: 'AaIHMWKvdfyd0Ih9Jffb4w',
  });
}
