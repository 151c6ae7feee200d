import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Transactions } from '@interlock/persistence';
import type { NewOpsEvent } from './ops-event.js';
import { OpsEvents } from './ops-events.js';

const WINDOW_MS = 10_000;

interface Window {
  /** The latest one that was held back; its numbers are the freshest. */
  latest: NewOpsEvent | undefined;
  heldBack: number;
  timer: NodeJS.Timeout;
}

/**
 * Keeps events that callers can provoke at will from filling the table and the alert channels: of each key the first is let
 * through at once, then at most one per 10 s that carries in `details.count` how many it stands for. Counted per process.
 */
@Injectable()
export class BoundedEvents implements OnApplicationShutdown {
  private readonly logger = new Logger('ops-events');
  private readonly windows = new Map<string, Window>();

  constructor(
    private readonly events: OpsEvents,
    private readonly transactions: Transactions,
  ) {}

  /**
   * Of these events those that are to be recorded now, in the caller's transaction. The others are counted, and written in a
   * transaction of their own when the window ends.
   * @param key what is bounded together, such as rule and strategy
   */
  admit(events: readonly { key: string; event: NewOpsEvent }[]): NewOpsEvent[] {
    return events.filter(({ key, event }) => this.opensWindow(key, event)).map(({ event }) => withCount(event, 1));
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([...this.windows.keys()].map((key) => this.endWindow(key, { reopen: false })));
  }

  private opensWindow(key: string, event: NewOpsEvent): boolean {
    const window = this.windows.get(key);
    if (window === undefined) {
      this.openWindow(key);
      return true;
    }
    window.latest = event;
    window.heldBack++;
    return false;
  }

  private openWindow(key: string): void {
    const timer = setTimeout(() => void this.endWindow(key, { reopen: true }), WINDOW_MS);
    timer.unref();
    this.windows.set(key, { latest: undefined, heldBack: 0, timer });
  }

  private async endWindow(key: string, { reopen }: { reopen: boolean }): Promise<void> {
    const window = this.windows.get(key);
    this.windows.delete(key);
    if (window === undefined) return;
    clearTimeout(window.timer);
    if (window.latest === undefined) return;
    // What is written now counts as the one of the next 10 s.
    if (reopen) this.openWindow(key);
    const event = withCount(window.latest, window.heldBack);
    await this.transactions
      .run((tx) => this.events.record(tx, event))
      .catch((error: unknown) => this.logger.error({ err: error, event }, 'a bounded event could not be written'));
  }
}

function withCount(event: NewOpsEvent, count: number): NewOpsEvent {
  return { ...event, details: { ...event.details, count } };
}
