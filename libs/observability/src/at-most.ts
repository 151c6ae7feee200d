/** Waits for `work`, but no longer than `patienceMs`. @throws what `work` rejects with in that time */
export async function atMost(patienceMs: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const impatience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, patienceMs);
  });
  await Promise.race([work, impatience]);
  clearTimeout(timer);
}
