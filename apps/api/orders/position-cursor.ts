import type { PositionKey } from '@interlock/orders';

/** What every cursor of positions looks like. */
export const POSITION_CURSOR_PATTERN = '^[A-Za-z0-9_-]{1,2000}$';

/** The cursor of the page after the position with this key. */
export function cursorOfPosition({ strategy, venue, account, market, outcome }: PositionKey): string {
  return Buffer.from(JSON.stringify([strategy, venue, account, market, outcome])).toString('base64url');
}

/** The key in a cursor, or undefined when the text is no cursor. */
export function positionOfCursor(cursor: string): PositionKey | undefined {
  if (!new RegExp(POSITION_CURSOR_PATTERN).test(cursor)) return undefined;
  const parts = parsed(Buffer.from(cursor, 'base64url').toString());
  if (!Array.isArray(parts) || parts.length !== 5 || !parts.every(isName)) return undefined;
  const [strategy = '', venue = '', account = '', market = '', outcome = ''] = parts;
  const key = { strategy, venue, account, market, outcome };
  return cursorOfPosition(key) === cursor ? key : undefined; // only one form of it is ours
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,128}$/.test(value);
}
