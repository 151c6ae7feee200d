import { setTimeout as delay } from 'node:timers/promises';

/**
 * Repeats `look` until it returns something other than undefined, null or false.
 * @throws with `what` when that does not happen within the deadline (30 s unless told: the machine may be slow and busy)
 */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined | null | false> | T | undefined | null | false,
  deadlineMs = 30_000,
): Promise<T> {
  const until = performance.now() + deadlineMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== null && seen !== false) return seen;
    if (performance.now() > until) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await delay(10);
  }
}
