import { Settings } from '@interlock/config';
import { NotificationListener, Transactions } from '@interlock/persistence';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { type KillSwitch, type Scope, strictest } from './kill-switch.js';
import { KILL_SWITCH_CHANNEL, KillSwitches } from './kill-switches.repository.js';

const REREAD_INTERVAL_MS = 1_000;
/** Well below the time after which we count as blind, so that a reading lost on the way is followed by others before. */
const READ_WITHIN_MS = 1_500;
/** After this long without a successful reading everything counts as halted (safety.md, K5). */
const BLIND_AFTER_MS = 5_000;

/** Why work must end: a switch that is on at level halt, or that none could be read. */
export type Halt = { kind: 'switch'; killSwitch: KillSwitch } | { kind: 'blind' };

/**
 * Keeps a process informed of the switches: at once by NOTIFY, and by reading them every second whatever the notifications do, so
 * that a link which died without a word costs a second at most (K3, K5). It tells whom to abort; admission never relies on it,
 * but reads the rows under their lock.
 */
@Injectable()
export class KillSwitchWatch implements OnApplicationShutdown {
  private readonly logger = new Logger('kill-switch');
  private readonly listener: NotificationListener;
  private readonly reactions = new Set<() => void>();
  private enabled: readonly KillSwitch[] = [];
  private lastReadAt = -Infinity;
  private wasBlind = false;
  private failing = false;
  private interval: NodeJS.Timeout | undefined;
  private reading: Promise<void> | undefined;
  private readAgain = false;

  constructor(
    settings: Settings,
    private readonly transactions: Transactions,
    private readonly switches: KillSwitches,
  ) {
    this.listener = new NotificationListener(settings.requireDatabaseUrl(), KILL_SWITCH_CHANNEL, () => this.refresh());
  }

  /** Begins to watch; resolves after the first reading, before which no process may start work (K1). */
  async start(): Promise<void> {
    this.listener.start();
    this.interval = setInterval(() => this.refresh(), REREAD_INTERVAL_MS);
    await this.read();
    if (this.blind) this.logger.warn('the kill switches cannot be read; everything counts as halted until they can');
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.interval);
    await this.listener.stop();
    await this.reading;
  }

  /** Calls `reaction` after every reading and while blind. Returns how to end that. */
  onReading(reaction: () => void): () => void {
    this.reactions.add(reaction);
    return () => this.reactions.delete(reaction);
  }

  /** What halts work under these scopes at the moment, as far as this process knows. */
  haltOver(scopes: readonly Scope[]): Halt | undefined {
    if (this.blind) return { kind: 'blind' };
    const killSwitch = strictest(this.enabled.filter((candidate) => scopes.includes(candidate.scope)));
    return killSwitch?.level === 'halt' ? { kind: 'switch', killSwitch } : undefined;
  }

  /**
   * Reads the switches now when they were out of sight: work that begins right after an outage must not be halted merely because
   * the next reading by time is still to come.
   */
  async lookUp(): Promise<void> {
    if (this.blind) await this.read();
  }

  get blind(): boolean {
    return performance.now() - this.lastReadAt > BLIND_AFTER_MS;
  }

  /** Reads soon. A wish that comes during a reading is granted by another one after it, since that one may have begun too early. */
  private refresh(): void {
    if (this.blind) this.react();
    if (this.reading !== undefined) {
      this.readAgain = true;
      return;
    }
    this.reading = this.read().finally(() => {
      this.reading = undefined;
      if (!this.readAgain) return;
      this.readAgain = false;
      this.refresh();
    });
  }

  private async read(): Promise<void> {
    try {
      // The time from before the reading: what changed during it may be missing from it.
      const startedAt = performance.now();
      const switches = await this.transactions.onReservedConnection((tx) => this.switches.readAll(tx), {
        withinMs: READ_WITHIN_MS,
      });
      this.enabled = switches.filter((killSwitch) => killSwitch.enabled);
      this.lastReadAt = startedAt;
      if (this.failing) this.logger.log('the kill switches can be read again');
      this.failing = false;
    } catch (error) {
      // Told once: it is tried again every second.
      if (!this.failing) this.logger.warn({ err: error }, 'the kill switches could not be read');
      this.failing = true;
    }
    this.react();
  }

  private react(): void {
    if (this.blind && !this.wasBlind)
      this.logger.error('the kill switches are out of sight for 5 s: running work is aborted');
    this.wasBlind = this.blind;
    for (const reaction of this.reactions) reaction();
  }
}
