import { type BeforeApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import { afterCommit, type Transaction, Transactions, unlessCommitted } from '@interlock/persistence';
import type { NewOpsEvent } from './ops-event.js';
import { OpsEvents } from './ops-events.js';

const WINDOW_MS = 10_000;

/** Most keys that are bounded apart from each other; callers choose parts of keys, such as the strategy. */
export const MOST_KEYS = 256;

export interface BoundedEvent {
  /** What is bounded together, such as rule and strategy. */
  readonly key: string;
  readonly event: NewOpsEvent;
}

/** The 10 s that begin when an event of a key is let through. */
interface Window {
  /** The latest one that was held back; its numbers are the freshest. */
  latest: NewOpsEvent | undefined;
  heldBack: number;
  timer: NodeJS.Timeout;
}

/**
 * Keeps events that callers can provoke at will from filling the table and the alert channels: of each key the first is let
 * through at once, then at most one per 10 s that carries in `details.count` how many it stands for. Counted per process; what
 * was held back when a process is killed is lost.
 *
 * Only events of transactions that committed count, whichever way: a rolled-back one gives the place of the first back.
 */
@Injectable()
export class BoundedEvents implements BeforeApplicationShutdown {
  private readonly logger = new Logger('ops-events');
  private readonly windows = new Map<string, Window>();
  private ending = false;

  constructor(
    private readonly events: OpsEvents,
    private readonly transactions: Transactions,
  ) {}

  /**
   * Records those of the events that may pass now, in the caller's transaction. The others are counted when it has committed,
   * and written in a transaction of their own when the window ends.
   */
  async record(tx: Transaction, events: readonly BoundedEvent[]): Promise<void> {
    const passing = events.flatMap((one) => {
      const bounded = this.withRoom(one);
      return this.passes(tx, bounded) ? [withCount(bounded.event, 1)] : [];
    });
    await this.events.recordAll(tx, passing);
  }

  /** Writes what is left over, before anything closes. From now on nothing is held back: there is no later. */
  async beforeApplicationShutdown(): Promise<void> {
    this.ending = true;
    const leftOver = [...this.windows.values()].flatMap((window) => {
      clearTimeout(window.timer);
      return window.latest === undefined ? [] : [withCount(window.latest, window.heldBack)];
    });
    this.windows.clear();
    await this.write(leftOver).catch((error: unknown) => {
      this.logger.error({ err: error, events: leftOver }, 'events that were held back could not be written');
    });
  }

  /** Under a key of its own while there is room, then under one that all further keys of the event share. */
  private withRoom(bounded: BoundedEvent): BoundedEvent {
    const { key, event } = bounded;
    if (this.windows.has(key) || this.windows.size < MOST_KEYS) return bounded;
    return {
      key: `${event.event} of further keys`,
      event: { ...event, details: { ...event.details, countedTogether: 'further keys' } },
    };
  }

  private passes(tx: Transaction, { key, event }: BoundedEvent): boolean {
    if (this.ending) return true;
    if (this.windows.has(key)) {
      afterCommit(tx, () => this.holdBack(key, event));
      return false;
    }
    const window = this.openWindow(key);
    unlessCommitted(tx, () => this.giveBack(key, window));
    return true;
  }

  private holdBack(key: string, event: NewOpsEvent): void {
    const open = this.windows.get(key);
    const window = open ?? this.openWindow(key);
    window.latest = event;
    window.heldBack++;
    // The window that it was held back for ended while the transaction was under way: nothing bars it any more.
    if (open === undefined) void this.endWindow(key);
  }

  /** The event that opened the window did not happen after all: the next of its key is the first, or one that waits already. */
  private giveBack(key: string, window: Window): void {
    if (this.windows.get(key) === window) void this.endWindow(key);
  }

  private openWindow(key: string): Window {
    const timer = setTimeout(() => void this.endWindow(key), WINDOW_MS);
    // Shutdown writes what is left; the timer need not keep a process.
    timer.unref();
    const window: Window = { latest: undefined, heldBack: 0, timer };
    this.windows.set(key, window);
    return window;
  }

  private async endWindow(key: string): Promise<void> {
    const ended = this.windows.get(key);
    this.windows.delete(key);
    clearTimeout(ended?.timer);
    if (ended?.latest === undefined) return;
    // What is written now counts as the one of the next 10 s.
    const next = this.ending ? undefined : this.openWindow(key);
    try {
      await this.write([withCount(ended.latest, ended.heldBack)]);
    } catch (error) {
      this.logger.error({ err: error, event: ended.latest }, 'an event that was held back could not be written');
      if (next === undefined) return;
      // Tried again when the next window ends.
      next.latest ??= ended.latest;
      next.heldBack += ended.heldBack;
    }
  }

  private async write(events: readonly NewOpsEvent[]): Promise<void> {
    if (events.length > 0) await this.transactions.run((tx) => this.events.recordAll(tx, events));
  }
}

function withCount(event: NewOpsEvent, count: number): NewOpsEvent {
  return { ...event, details: { ...event.details, count } };
}
