import { RateWindow } from './rate-window.js';

/** Callers that are remembered: some 15 MB at most. */
const MOST_CALLERS = 10_000;

/** A limit of requests in 60 seconds for each caller of a kind. */
export class RateLimit {
  /** The caller that was heard of longest ago comes first. */
  private readonly callers = new Map<string, RateWindow>();

  /**
   * @param limit 0: none
   * @param mostCallers beyond it the caller that was heard of longest ago is forgotten, and would begin anew
   */
  constructor(
    readonly limit: number,
    private readonly mostCallers = MOST_CALLERS,
  ) {}

  /**
   * Counts a caller's request if it is within the limit.
   * @param now in milliseconds, never less than before
   * @returns 0 when it is let through, else in how many milliseconds one of this caller will be
   */
  take(caller: string, now: number): number {
    return this.limit === 0 ? 0 : this.windowOf(caller).take(this.limit, now);
  }

  private windowOf(caller: string): RateWindow {
    const window = this.callers.get(caller) ?? new RateWindow();
    this.callers.delete(caller);
    this.callers.set(caller, window);
    if (this.callers.size > this.mostCallers) {
      for (const [longestUnheard] of this.callers) {
        this.callers.delete(longestUnheard);
        break;
      }
    }
    return window;
  }
}
