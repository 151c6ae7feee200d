import { setTimeout as delay } from 'node:timers/promises';

/** How long what was read holds: scrapes that come together share a reading. */
const HOLDS_MS = 1_000;
/** Longest wait of a scrape. Prometheus gives up after its scrape_timeout, 10 s by default, and then has nothing at all. */
const DEADLINE_MS = 1_000;

/** Something that is read when metrics are scraped. */
export class Reading {
  private endedAt = -Infinity;
  private underWay: Promise<void> | undefined;

  constructor(
    private readonly read: () => Promise<void> | void,
    private readonly onRead: () => void,
    private readonly onFailure: (reason: unknown) => void,
  ) {}

  /**
   * Reads again unless it was just done. Never rejects, and resolves after a second at most. One that hangs is not begun a second
   * time meanwhile: it would take another connection of the pool.
   */
  async refresh(): Promise<void> {
    if (performance.now() - this.endedAt < HOLDS_MS) return;
    this.underWay ??= this.begin();
    const done = new AbortController();
    const deadline = delay(DEADLINE_MS, 'late' as const, { signal: done.signal }).catch(() => undefined);
    const outcome = await Promise.race([this.underWay, deadline]);
    done.abort();
    if (outcome === 'late') this.onFailure(`it took longer than ${DEADLINE_MS} ms`);
  }

  private async begin(): Promise<void> {
    try {
      await this.read();
      this.onRead();
    } catch (error) {
      this.onFailure(error);
    } finally {
      this.endedAt = performance.now();
      this.underWay = undefined;
    }
  }
}
