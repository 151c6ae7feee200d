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

/** A decimal number of 0 or more with at most 8 decimals, kept as text so that money never becomes a float. */
export function amount() {
  return z
    .string()
    .regex(/^\d{1,12}(\.\d{1,8})?$/, 'a number of 0 or more with at most 8 decimals, such as 500000')
    .transform((value) => value.replace(/^0+(?=\d)/, ''));
}

/** How far apart two prices per share may be, from 0 to 1, as text. */
export function priceDistance() {
  return z
    .string()
    .regex(/^(0(\.\d{1,8})?|1(\.0{1,8})?)$/, 'a number from 0 to 1 with at most 8 decimals, such as 0.05');
}

/** A number from `min` to `max`, both included; not for money. */
export function ratio(min: number, max: number) {
  const allowed = `a number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,6}(\.\d{1,6})?$/, allowed)
    .transform(Number)
    .refine((value) => value >= min && value <= max, allowed);
}

export function flag() {
  return z.enum(['true', 'false'], 'true or false').transform((value) => value === 'true');
}

/**
 * `UTC` or a time zone by area and place. Offsets and abbreviations are refused, since PostgreSQL reads them otherwise than people
 * and Node do: the sign of +01:00 the other way round, IST as Israel rather than India.
 */
export function timeZone() {
  return z
    .string()
    .refine(
      (value) => value === 'UTC' || (/^[A-Za-z]+\//.test(value) && isTimeZone(value)),
      'UTC or the name of a time zone, such as America/New_York',
    );
}

function isTimeZone(value: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
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

/** An address to post to. It counts as a secret as a whole, since such addresses often carry a key in their path. */
export function webhookUrl() {
  return z.string().refine((value) => {
    if (!URL.canParse(value)) return false;
    const { protocol, username, password } = new URL(value);
    return /^https?:$/.test(protocol) && username === '' && password === '';
  }, 'an http or https address without user and password');
}

/** Where the markets service is. User and password are sent as HTTP Basic, and are a secret. */
export function marketsBaseUrl() {
  return z.string().refine((value) => {
    if (!URL.canParse(value)) return false;
    const { protocol, search, hash, username, password } = new URL(value);
    return /^https?:$/.test(protocol) && search === '' && hash === '' && isPercentEncoded(username + password);
  }, 'an http or https address without query, such as http://127.0.0.1:8100');
}

function isPercentEncoded(text: string): boolean {
  try {
    return decodeURIComponent(text) !== undefined;
  } catch {
    return false;
  }
}

/** The path of an address, with a query if need be. */
export function urlPath() {
  return z.string().regex(/^\/[\x21\x22\x24-\x7e]{0,1023}$/, 'a path that begins with /, such as /markets');
}

/** Items separated by commas; blanks around them and empty items do not count. */
export function list(isAllowed: (item: string) => boolean, allowed: string) {
  return z
    .string()
    .transform((value) =>
      value
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    )
    .refine((items) => items.every(isAllowed), allowed);
}

/** Origins for CORS, separated by commas. */
export function origins() {
  const isOrigin = (item: string) => URL.canParse(item) && new URL(item).origin === item;
  return list(isOrigin, 'origins separated by commas, such as https://desk.example,http://127.0.0.1:8080');
}

export function secret(minimumLength: number) {
  return z
    .string()
    .regex(new RegExp(`^[\\x21-\\x7e]{${minimumLength},512}$`), `${minimumLength} to 512 visible ASCII characters`);
}

/** What is to happen at a fault point (libs/observability): the process dies, stalls or fails there, at its n-th visit. */
export interface FaultWish {
  readonly point: string;
  readonly action: 'kill' | 'freeze' | 'fail';
  /** From 1. */
  readonly visit: number;
}

/** Fault points for a test to strike at, such as `start-after-commit=kill,lease-before-renewal=freeze@2`. */
export function faultWishes() {
  const allowed = 'points separated by commas, such as start-after-commit=kill,lease-before-renewal=freeze@2';
  return z.string().transform((value, context): FaultWish[] =>
    value.split(',').flatMap((item) => {
      const [, point = '', action, visit = '1'] = /^([a-z-]+)=(kill|freeze|fail)(?:@([1-9]\d{0,5}))?$/.exec(item) ?? [];
      if (action === undefined) context.addIssue({ code: 'custom', message: allowed });
      return [{ point, action: action as FaultWish['action'], visit: Number(visit) }];
    }),
  );
}
