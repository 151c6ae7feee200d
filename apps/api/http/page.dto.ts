import { Cursor, Optional, PageLimit } from './constraints.js';
import { CURSOR_PATTERN, cursorOf, idOfCursor } from './cursor.js';

const MAXIMUM_ITEMS = 200;
const DEFAULT_ITEMS = 50;

/** The field of a list's answer. */
export const NEXT_CURSOR = { type: String, pattern: CURSOR_PATTERN, example: 'AaIHMWKvdfyd0Ih9Jffb4w' };

/** The query parameter `limit` of every list. */
export function MostItems(): PropertyDecorator {
  return PageLimit(MAXIMUM_ITEMS);
}

/** Query parameters of every list whose items have an id. */
export class PageQuery {
  /** Most items of the page. */
  @Optional()
  @MostItems()
  limit?: string;

  /** The `nextCursor` of the page before; absent for the newest items. */
  @Optional()
  @Cursor()
  cursor?: string;
}

/** How many items the page may have. */
export function limitOf({ limit }: { readonly limit?: string }): number {
  return limit === undefined ? DEFAULT_ITEMS : Number(limit);
}

/** How many items, and the id after which the page starts. */
export function pageOf(query: PageQuery): { limit: number; before: string | undefined } {
  return { limit: limitOf(query), before: query.cursor === undefined ? undefined : idOfCursor(query.cursor) };
}

/** The answer of a list, its cursor being an item's id so far. */
export function listAnswer<T>(page: { items: T[]; nextCursor: string | null }) {
  const nextCursor = page.nextCursor === null ? null : cursorOf(page.nextCursor);
  return { ok: true as const, items: page.items, nextCursor };
}
