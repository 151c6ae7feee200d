/** What every cursor looks like. */
export const CURSOR_PATTERN = '^[A-Za-z0-9_-]{22}$';

/** The cursor of the page after the item with this id (a UUID). Callers see 22 characters that mean nothing to them. */
export function cursorOf(id: string): string {
  return Buffer.from(id.replaceAll('-', ''), 'hex').toString('base64url');
}

/** The id in a cursor, or undefined when the text is no cursor. */
export function idOfCursor(cursor: string): string | undefined {
  if (!new RegExp(CURSOR_PATTERN).test(cursor)) return undefined;
  const bytes = Buffer.from(cursor, 'base64url');
  // The last character carries four bits that no byte needs; only one of its forms is ours.
  if (bytes.toString('base64url') !== cursor) return undefined;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
