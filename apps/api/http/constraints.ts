import { NAME_PATTERN } from '@interlock/config';
import { parseAmount, parseSignedAmount } from '@interlock/venues';
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

/** One or more of these values in one text, separated by commas: for query parameters. */
export function SomeOf(values: readonly string[]): PropertyDecorator {
  const test = (value: unknown) => typeof value === 'string' && value.split(',').every((one) => values.includes(one));
  const one = values.join('|');
  return constraint('someOf', `must be one or more of ${values.join(', ')}, separated by commas`, test, {
    type: String,
    pattern: `^(${one})(,(${one}))*$`,
    example: values.slice(0, 2).join(','),
  });
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

/** Why a person does something that others will ask about. */
export function Reason(): PropertyDecorator {
  const test = (value: unknown) => typeof value === 'string' && value.trim() !== '' && value.length <= 500;
  const schema = { type: String, minLength: 1, maxLength: 500 };
  return constraint('reason', 'must be a text of 1 to 500 characters that says why', test, schema);
}

const MARKET_ID = /^[\x21-\x7e]{1,128}$/;

/** An id that a venue gave: of a market or an outcome. */
export function VenueId(): PropertyDecorator {
  const test = (value: unknown) => typeof value === 'string' && MARKET_ID.test(value);
  return constraint('venueId', 'must be 1 to 128 visible ASCII characters without blanks', test, {
    type: String,
    pattern: MARKET_ID.source,
  });
}

const INSTANT = /^(\d{4})-(\d{2})-(\d{2})T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;

/** A time; what is finer than milliseconds is cut off. */
export function Instant(): PropertyDecorator {
  const allowed = 'must be a time in ISO 8601 with Z or an offset, such as 2026-12-01T12:00:00Z';
  const test = (value: unknown) => {
    const [, year, month, day] = (typeof value === 'string' && INSTANT.exec(value)) || [];
    return day !== undefined && isDay(`${year}-${month}-${day}`) && !Number.isNaN(Date.parse(String(value)));
  };
  return constraint('instant', allowed, test, { type: String, format: 'date-time' });
}

/** A day of the calendar since 1970 as `YYYY-MM-DD`. */
export function Day(): PropertyDecorator {
  const test = (value: unknown) => typeof value === 'string' && isDay(value) && value >= '1970-01-01';
  const schema = { type: String, format: 'date', example: '2026-11-23' };
  return constraint('day', 'must be a day since 1970 in the form 2026-11-23', test, schema);
}

/** Date.parse takes the 30th of February for the 2nd of March. */
function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(text);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

/** Of amounts in requests. */
export const TEXT_OR_NUMBER = [
  { type: 'string', pattern: '^[0-9]+(\\.[0-9]+)?$' },
  { type: 'number', minimum: 0 },
];

/** Decimal text or a JSON number with at most 8 decimals, 0 to 1e12. What else it must be is for the venue to say. */
export function Amount(): PropertyDecorator {
  const allowed = 'must be a decimal text or number from 0 to 1e12 with at most 8 decimals';
  return constraint('amount', allowed, (value) => parseAmount(value) !== null, { oneOf: TEXT_OR_NUMBER });
}

/** An amount with a sign: above zero it comes, below zero it goes. */
export function SignedAmount(): PropertyDecorator {
  const allowed = 'must be a decimal text or number from -1e12 to 1e12 with at most 8 decimals, and not 0';
  const test = (value: unknown) => parseSignedAmount(value)?.isZero() === false;
  return constraint('signedAmount', allowed, test, {
    oneOf: [{ type: 'string', pattern: '^-?[0-9]+(\\.[0-9]+)?$' }, { type: 'number' }],
  });
}

/** The amount as plain decimal text, of a field that `SignedAmount` has let through. */
export function signedAmountOf(value: unknown): string {
  const parsed = parseSignedAmount(value);
  if (parsed === null) throw new Error('the amount was not checked');
  return parsed.toFixed();
}

/** How far apart two prices per share may be. */
export function PriceDistance(): PropertyDecorator {
  const allowed =
    'must be a decimal text or number from 0 to 1 with at most 8 decimals: a distance between prices per share';
  const test = (value: unknown) => parseAmount(value)?.lte(1) === true;
  return constraint('priceDistance', allowed, test, { oneOf: TEXT_OR_NUMBER, example: '0.05' });
}

/** A number of shares. */
export function Quantity(): PropertyDecorator {
  const allowed = 'must be a decimal text or number greater than 0 and at most 1e12, with at most 8 decimals';
  const test = (value: unknown) => parseAmount(value)?.gt(0) === true;
  return constraint('quantity', allowed, test, { oneOf: TEXT_OR_NUMBER, example: '10' });
}

/** What a share costs. */
export function Price(): PropertyDecorator {
  const allowed = 'must be a decimal text or number greater than 0 and less than 1, with at most 8 decimals';
  const test = (value: unknown) => {
    const price = parseAmount(value);
    return price !== null && price.gt(0) && price.lt(1);
  };
  return constraint('price', allowed, test, { oneOf: TEXT_OR_NUMBER, example: '0.42' });
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
