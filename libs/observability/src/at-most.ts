/**
 * Waits for `work`, but no longer than `patienceMs`.
 * @returns whether it ended in that time
 * @throws what `work` rejects with in that time
 */
export async function atMost(patienceMs: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const impatience = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), patienceMs);
  });
  try {
    return await Promise.race([work.then(() => true), impatience]);
  } finally {
    clearTimeout(timer);
  }
}
