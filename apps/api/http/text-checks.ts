import type { FieldErrors } from './api-error.js';

/** Deeper JSON than this is refused: nobody needs it, and walking it would exhaust the stack. */
const MAXIMUM_DEPTH = 32;

/**
 * What no text, number or name in a request may be, wherever it stands: PostgreSQL stores neither NUL nor half a surrogate pair,
 * and JSON writes a number beyond the range of doubles as null.
 * @param field path of the value, such as `input.note`
 */
export function faultsOf(value: unknown, field: string, depth = 0): [field: string, message: string][] {
  if (typeof value === 'string') return isStorable(value) ? [] : [[field, UNSTORABLE]];
  if (typeof value === 'number') return Number.isFinite(value) ? [] : [[field, 'must be a finite number']];
  if (typeof value !== 'object' || value === null) return [];
  if (depth === MAXIMUM_DEPTH) return [[field, `must not be nested deeper than ${MAXIMUM_DEPTH} levels`]];
  return Object.entries(value).flatMap(([key, item]) => {
    const path = `${field}.${key}`;
    if (key === '__proto__') return [[path, 'is not a name that can be used']];
    return isStorable(key) ? faultsOf(item, path, depth + 1) : [[path, `its name ${UNSTORABLE}`]];
  });
}

const UNSTORABLE = 'must not contain NUL or half a surrogate pair';

function isStorable(text: string): boolean {
  return !text.includes('\0') && !/\p{Surrogate}/u.test(text);
}

/** Of a request with thousands of faults the first are enough to know what is wrong with it. */
const MOST_FIELDS = 100;

/** Collects messages by field, of the first 100. Safe for any name, `__proto__` included. */
export function byField(faults: readonly (readonly [field: string, message: string])[]): FieldErrors {
  const messages = new Map<string, string[]>();
  for (const [field, message] of faults) {
    const before = messages.get(field);
    if (before !== undefined) before.push(message);
    else if (messages.size < MOST_FIELDS) messages.set(field, [message]);
  }
  return Object.fromEntries(messages);
}
