import { Logger } from '@nestjs/common';
import type { ErrorCode } from './error-codes.js';

const LOG_EVERY_MS = 10_000;
/** Refusals because of too much. A line for each would be a cost that whoever floods us chooses. */
const SUMMED: readonly ErrorCode[] = ['RATE_LIMITED', 'OVERLOADED', 'QUEUE_FULL'];

/** Logs refusals because of too much in sum: the first at once, then one line per code and ten seconds with the number since. */
export class RefusalLog {
  private readonly logger = new Logger('http');
  private readonly sums = new Map<ErrorCode, { refused: number; loggedAt: number }>();

  /**
   * @param of whom the refusal is about, if that is known
   * @returns true when the request was such a refusal, and needs no line of its own
   */
  takes(code: ErrorCode | undefined, of: object): boolean {
    if (code === undefined || !SUMMED.includes(code)) return false;
    const sum = this.sums.get(code) ?? { refused: 0, loggedAt: -Infinity };
    this.sums.set(code, sum);
    sum.refused += 1;
    const now = performance.now();
    if (now - sum.loggedAt >= LOG_EVERY_MS) {
      this.logger.warn({ code, ...of, refused: sum.refused }, `${code}: ${sum.refused} refused`);
      sum.loggedAt = now;
      sum.refused = 0;
    }
    return true;
  }
}
