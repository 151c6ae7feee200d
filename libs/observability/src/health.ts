import { setTimeout as delay } from 'node:timers/promises';

/** Whether a part answers, and how fast. */
export type PartHealth = { ok: true; latencyMs: number } | { ok: false; error: string };

/** A part that answers, and says why it cannot be used. The message is shown to everybody. */
export class PartUnwell extends Error {}

const HEALTH_DEADLINE_MS = 1_500;

/**
 * Measures one call. A part that does not answer within 1.5 s counts as down, so that a health route, which may ask several parts
 * side by side, answers within its 2 s.
 */
export async function measureHealth(name: string, call: () => Promise<unknown>): Promise<PartHealth> {
  const started = performance.now();
  const answered = new AbortController();
  const deadline = delay(HEALTH_DEADLINE_MS, 'late' as const, { signal: answered.signal }).catch(() => 'late' as const);
  try {
    const outcome = await Promise.race([call().then(() => 'answered' as const), deadline]);
    if (outcome === 'late') return { ok: false, error: `the ${name} did not answer within ${HEALTH_DEADLINE_MS} ms` };
    return { ok: true, latencyMs: Math.round((performance.now() - started) * 10) / 10 };
  } catch (error) {
    if (error instanceof PartUnwell) return { ok: false, error: error.message };
    // The cause may hold addresses and account names, and health is public.
    return { ok: false, error: `the ${name} cannot be reached` };
  } finally {
    answered.abort();
  }
}
