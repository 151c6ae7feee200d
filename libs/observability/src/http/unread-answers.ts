import type { Server, ServerResponse } from 'node:http';

/** How long an answer may take to be read. Times in milliseconds, sizes in bytes. */
export interface ReadingRules {
  /** Every answer has this long, and in addition what it takes at `bytesPerSecond`. */
  readonly graceMs: number;
  readonly bytesPerSecond: number;
  /** What all answers together may hold that is not read yet; beyond it the oldest are cut off. */
  readonly mostBytes: number;
  readonly checkEveryMs: number;
}

const USUAL: ReadingRules = {
  graceMs: 30_000,
  bytesPerSecond: 64 * 1024,
  mostBytes: 256 * 1024 * 1024,
  checkEveryMs: 1_000,
};
/** An answer of this size is a reason to look at the sum at once. */
const LARGE_BYTES = 1024 * 1024;
/** A stream of events is never over; whoever sends it bounds it. */
const ENDLESS = /^text\/event-stream\b/;

interface Answer {
  /** When it had begun to be sent, and until when it must be read. */
  readonly until: number;
}

/**
 * The answers that callers have not read yet. Who asks and does not read would otherwise hold the answer's memory and a connection for
 * ever: for Node, a reader without haste is no fault.
 */
export class UnreadAnswers {
  /** In the order in which they were asked for; null until they are being sent. */
  private readonly answers = new Map<ServerResponse, Answer | null>();
  /** How many were cut off. */
  cutOff = 0;

  constructor(
    server: Server,
    private readonly rules = USUAL,
  ) {
    server.prependListener('request', (_request, response) => this.watch(response));
    const checks = setInterval(() => this.check(), rules.checkEveryMs).unref();
    server.once('close', () => clearInterval(checks));
  }

  /** Cuts off the oldest answer that is being sent; false when there is none. */
  cutOldest(): boolean {
    for (const [response] of this.answers) {
      if (isBeingSent(response)) {
        this.cut(response);
        return true;
      }
    }
    return false;
  }

  private watch(response: ServerResponse): void {
    this.answers.set(response, null);
    response.once('close', () => this.answers.delete(response));
    response.once('prefinish', () => {
      if (response.writableLength >= LARGE_BYTES) this.boundMemory();
    });
  }

  private check(): void {
    const now = performance.now();
    for (const [response, answer] of this.answers) {
      if (!isBeingSent(response)) continue;
      if (answer === null) this.answers.set(response, { until: now + this.allowedMs(response) });
      else if (now > answer.until) this.cut(response);
    }
    this.boundMemory();
  }

  private allowedMs(response: ServerResponse): number {
    const bytes = Math.max(Number(response.getHeader('content-length') ?? 0), response.writableLength);
    return this.rules.graceMs + (bytes / this.rules.bytesPerSecond) * 1_000;
  }

  private boundMemory(): void {
    let bytes = 0;
    for (const [response] of this.answers) bytes += response.writableLength;
    for (const [response] of this.answers) {
      if (bytes <= this.rules.mostBytes) return;
      if (!isBeingSent(response)) continue;
      bytes -= response.writableLength;
      this.cut(response);
    }
  }

  private cut(response: ServerResponse): void {
    this.cutOff += 1;
    this.answers.delete(response);
    response.destroy();
  }
}

function isBeingSent(response: ServerResponse): boolean {
  return (
    response.headersSent && response.writableLength > 0 && !ENDLESS.test(String(response.getHeader('content-type')))
  );
}
