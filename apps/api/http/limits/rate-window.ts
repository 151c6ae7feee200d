/** The time over which requests are counted, in milliseconds. */
export const WINDOW_MS = 60_000;
/** Requests this close together are remembered as one group, so that a window never holds more than 61 of them. */
const GROUP_MS = 1_000;

interface Group {
  readonly beganAt: number;
  lastAt: number;
  count: number;
}

/**
 * The requests of the last 60 seconds of one caller. In no 60 seconds are more than the limit let through. A group leaves when its
 * last request is 60 seconds old, so that what is grouped is counted a second too long at most, never too short.
 */
export class RateWindow {
  /** Oldest first. */
  private readonly groups: Group[] = [];
  private total = 0;

  /**
   * Counts a request if it is within the limit; one that is not does not count.
   * @param now in milliseconds, never less than before
   * @returns 0 when it is let through, else in how many milliseconds one will be
   */
  take(limit: number, now: number): number {
    this.forget(now);
    const [oldest] = this.groups;
    if (this.total >= limit && oldest !== undefined) return oldest.lastAt + WINDOW_MS - now;
    const latest = this.groups.at(-1);
    if (latest !== undefined && now - latest.beganAt < GROUP_MS) {
      latest.count += 1;
      latest.lastAt = now;
    } else {
      this.groups.push({ beganAt: now, lastAt: now, count: 1 });
    }
    this.total += 1;
    return 0;
  }

  private forget(now: number): void {
    for (
      let oldest = this.groups[0];
      oldest !== undefined && oldest.lastAt + WINDOW_MS <= now;
      [oldest] = this.groups
    ) {
      this.total -= oldest.count;
      this.groups.shift();
    }
  }
}
