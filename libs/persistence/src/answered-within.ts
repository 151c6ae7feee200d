import { DatabaseBusy } from './database-errors.js';

/**
 * Waits for a reading, but no longer than `patienceMs`; the reading goes on unheard, so it must have no effect.
 * @throws DatabaseBusy when the answer did not come in that time
 */
export async function answeredWithin<T>(patienceMs: number, reading: Promise<T>): Promise<T> {
  let impatience: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    impatience = setTimeout(() => reject(new DatabaseBusy(patienceMs)), patienceMs);
  });
  try {
    return await Promise.race([reading, late]);
  } finally {
    clearTimeout(impatience);
  }
}
