export interface Page<T> {
  items: T[];
  /** Id of the last item when there are more. */
  nextCursor: string | null;
}

/** @param found one more than `limit` where there are more */
export function pageOf<R extends { id: string }, T>(found: readonly R[], limit: number, view: (row: R) => T): Page<T> {
  const shown = found.slice(0, limit);
  return { items: shown.map(view), nextCursor: found.length > limit ? (shown.at(-1)?.id ?? null) : null };
}
