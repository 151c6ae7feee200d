/**
 * Looks for a shorter list that still fails, by leaving out ever smaller parts (Zeller's ddmin, bounded in time). Since a failure
 * may come only now and then, a part is kept unless the list fails without it.
 * @param fails runs a candidate
 * @param deadline `performance.now()` after which no further candidate is run
 */
export async function shrink<T>(
  items: readonly T[],
  fails: (candidate: readonly T[]) => Promise<boolean>,
  deadline: number,
): Promise<readonly T[]> {
  let smallest = items;
  let parts = 2;
  while (smallest.length > 1) {
    const size = Math.ceil(smallest.length / parts);
    const found = await firstFailing(candidatesOf(smallest, size), fails, deadline);
    if (performance.now() > deadline && found === undefined) break;
    if (found !== undefined) {
      smallest = found;
      parts = Math.max(2, parts - 1);
    } else if (size === 1) {
      break;
    } else {
      parts *= 2;
    }
  }
  return smallest;
}

/** Every part alone is only tried for halves; of smaller parts, what is left without each. */
function candidatesOf<T>(items: readonly T[], size: number): (readonly T[])[] {
  const starts = Array.from({ length: Math.ceil(items.length / size) }, (_, part) => part * size);
  return starts.map((start) => items.filter((_, index) => index < start || index >= start + size));
}

async function firstFailing<T>(
  candidates: readonly (readonly T[])[],
  fails: (candidate: readonly T[]) => Promise<boolean>,
  deadline: number,
): Promise<readonly T[] | undefined> {
  for (const candidate of candidates) {
    if (performance.now() > deadline) return undefined;
    if (await fails(candidate)) return candidate;
  }
  return undefined;
}
