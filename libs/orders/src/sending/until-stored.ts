import { setTimeout as delay } from 'node:timers/promises';
import { CommitOutcomeUnknown, isDatabaseUnavailable } from '@interlock/persistence';

const AGAIN_AFTER_MS = 250;

/**
 * Stores what a venue has told, again and again while the database is away: what is known already need not be asked for once more.
 * `store` may be carried out twice.
 * @throws what else goes wrong, and the last failure once `over` is aborted
 */
export async function untilStored(over: AbortSignal, store: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await store();
      return;
    } catch (error) {
      const mayPass = isDatabaseUnavailable(error) || error instanceof CommitOutcomeUnknown;
      if (!mayPass || over.aborted) throw error;
      await delay(AGAIN_AFTER_MS, undefined, { signal: over }).catch(() => undefined);
    }
  }
}
