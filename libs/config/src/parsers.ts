import { z } from 'zod';

/*
 * Each parser takes the text of an environment variable and says, in its error, what is allowed. Numbers are read from plain
 * decimal notation only: `1e3`, `0x10` or a trailing unit are more often a slip than a wish.
 */

/** A whole number from `min` to `max`, both included. */
export function integer(min: number, max: number) {
  const allowed = `a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^-?\d{1,15}$/, allowed)
    .transform(Number)
    .refine((value) => value >= min && value <= max, allowed);
}

/** A decimal number greater than 0 with at most 8 decimals. */
export function positiveDecimal() {
  const allowed = 'a number greater than 0 with at most 8 decimals, such as 1000000';
  return z
    .string()
    .regex(/^\d{1,15}(\.\d{1,8})?$/, allowed)
    .transform(Number)
    .refine((value) => value > 0, allowed);
}

export function oneOf<const T extends readonly [string, ...string[]]>(values: T) {
  return z.enum(values, `one of ${values.join(', ')}`);
}

/** A name as in contracts.md: pipeline, strategy, dataset, venue. */
export function name() {
  return z
    .string()
    .regex(
      NAME_PATTERN,
      'a name of 1 to 64 characters: a-z, 0-9, dot, underscore, hyphen, beginning with a letter or digit',
    );
}

export const NAME_PATTERN = /^[a-z0-9][a-z0-9._-]{0,63}$/;

export function postgresUrl() {
  return z.string().refine((value) => {
    try {
      return /^postgres(ql)?:$/.test(new URL(value).protocol);
    } catch {
      return false;
    }
  }, 'a PostgreSQL address, such as postgres://user:password@host:5432/database');
}

/** Origins for CORS, separated by commas. */
export function origins() {
  const allowed = 'origins separated by commas, such as https://desk.example,http://127.0.0.1:8080';
  return z
    .string()
    .transform((value) =>
      value
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    )
    .refine((items) => items.every((item) => URL.canParse(item) && new URL(item).origin === item), allowed);
}

export function secret(minimumLength: number) {
  return z
    .string()
    .regex(new RegExp(`^[\\x21-\\x7e]{${minimumLength},512}$`), `${minimumLength} to 512 visible ASCII characters`);
}
