import { setTimeout as delay } from 'node:timers/promises';
import { Settings } from '@interlock/config';
import { amount, type Transaction, Transactions } from '@interlock/persistence';
import { type Venue, VenueUnreachable } from '@interlock/venues';
import { Injectable, Logger } from '@nestjs/common';
import { Ledger } from '../ledger/ledger.js';
import { passes, type Reconciliation, ReconcileVenue } from '../reconciliation/reconcile-venue.js';
import { SyncOrders } from '../reconciliation/sync-orders.js';
import { BooksContradicted, VenueBookings } from './book-fills.js';
import { VenueCancels } from './cancel-at-venue.js';
import { Desk } from './desk.js';
import { DeskLease, DeskLost } from './desk-lease.js';
import { OrderResolving } from './resolve-orders.js';
import { type OrderSender, OrderSending } from './send-orders.js';
import { forgetReconciliation, storeCondition } from './venue-conditions.js';

/** How often a worker that has no desk tries to take one. */
const TAKE_EVERY_MS = 500;
/** How often the venue is asked for news while orders work there and nothing else wakes the desk. */
const BUSY_ROUND_MS = 250;
/** And while none do: settlements may come. */
const QUIET_ROUND_MS = 1_000;
/** How often the venue's condition is found out. */
const CONDITION_EVERY_MS = 1_000;
/** How often it is found out whether orders have ended there that nobody told us of. */
const SYNC_EVERY_MS = 5_000;
/** A venue that cancels everything when it hears nothing for so long, where it can. */
const DEAD_MAN_MS = 10_000;
/** The wait after a round that failed. */
const AFTER_FAILURE_MS = 1_000;

/** What a desk is made of. */
@Injectable()
export class VenueDesks {
  constructor(
    readonly transactions: Transactions,
    readonly ledger: Ledger,
    readonly sending: OrderSending,
    readonly resolving: OrderResolving,
    readonly bookings: VenueBookings,
    readonly cancels: VenueCancels,
    readonly syncing: SyncOrders,
    readonly reconciling: ReconcileVenue,
    readonly settings: Settings,
  ) {}

  /** Looks after the venue's account, whenever no other worker does, until it is closed. */
  open(venue: Venue): VenueDesk {
    return new VenueDesk(venue, this);
  }
}

/**
 * Looks after one venue's account: sends what was admitted, cancels what is to be cancelled, finds out what became of what is unclear,
 * books fills and settlements, and says in what condition the venue is. Admission goes by that condition, which is
 * told only once the books agree with the venue.
 */
export class VenueDesk {
  private readonly logger = new Logger('venue-desk');
  private readonly closing = new AbortController();
  private wake: () => void = () => undefined;
  private isAwake = false;
  private failing: string | undefined;
  private sender: OrderSender | undefined;
  private nextSyncAt = 0;
  private nextReconciliationAt = 0;
  private readonly work: Promise<void>;

  constructor(
    private readonly venue: Venue,
    private readonly parts: VenueDesks,
  ) {
    this.work = this.keepOpen();
  }

  /** There may be something to do. Waiting orders are sent whatever the rest of the desk waits for. */
  nudge(): void {
    this.isAwake = true;
    this.wake();
    this.sender?.look().catch((error: unknown) => this.tellFailure(error));
  }

  /** Ends the work when what is on its way was answered, and lets another worker take over. */
  async close(): Promise<void> {
    this.closing.abort();
    this.wake();
    await this.work;
  }

  private async keepOpen(): Promise<void> {
    while (!this.closing.signal.aborted) {
      try {
        const lease = await DeskLease.take(this.parts.transactions, {
          venue: this.venue.name,
          account: this.venue.account,
        });
        if (lease !== undefined) await this.lookAfter(lease);
      } catch (error) {
        this.tellFailure(error);
      }
      await this.pause(TAKE_EVERY_MS);
    }
  }

  private async lookAfter(lease: DeskLease): Promise<void> {
    const desk = new Desk(this.venue, lease, this.parts.transactions);
    const sender = this.parts.sending.open(desk, () => this.nudge());
    this.sender = sender;
    const conditions = this.reportCondition(desk);
    try {
      while (!this.isOver(desk)) await this.rest(await this.round(desk, sender));
    } finally {
      this.sender = undefined;
      await sender.close();
      await lease.release().catch((error: unknown) => this.tellFailure(error));
      await conditions;
    }
  }

  /** @returns how long to wait for the next one, in milliseconds */
  private async round(desk: Desk, sender: OrderSender): Promise<number> {
    try {
      await sender.look();
      await this.parts.cancels.cancelAll(desk);
      await this.parts.resolving.resolveAll(desk);
      await this.parts.bookings.bookAll(desk);
      await this.sync();
      this.tellSuccess();
      return (await this.parts.transactions.run((tx) => hasSentOrders(tx, desk))) ? BUSY_ROUND_MS : QUIET_ROUND_MS;
    } catch (error) {
      if (error instanceof BooksContradicted) await this.halt(desk, error);
      this.tellFailure(error);
      return AFTER_FAILURE_MS;
    }
  }

  private async halt(desk: Desk, error: BooksContradicted): Promise<void> {
    const isNews = desk.books !== 'contradicted';
    desk.books = 'contradicted';
    try {
      await this.parts.bookings.halt(desk, error, isNews);
    } catch (failure) {
      this.tellFailure(failure);
    }
  }

  /** Finds out, now and then, what became of orders that ended at the venue without our doing. */
  private async sync(): Promise<void> {
    if (performance.now() < this.nextSyncAt) return;
    await this.parts.syncing.run(this.venue);
    this.nextSyncAt = performance.now() + SYNC_EVERY_MS;
  }

  /**
   * Until the desk is over: what the venue's condition is, and that we are there. Comparing the books goes on beside it: admission takes a
   * condition that was not renewed for lost, and the venue a desk that is not heard of for dead, however long a comparison takes.
   */
  private async reportCondition(desk: Desk): Promise<void> {
    let isArmed = false;
    let isNew = true;
    let comparing: Promise<void> | undefined;
    let agreed = new AbortController();
    while (!this.isOver(desk)) {
      try {
        // What another worker found out before says nothing any more.
        if (isNew) await desk.write((tx) => forgetReconciliation(tx, desk));
        isNew = false;
        if (agreed.signal.aborted) agreed = new AbortController();
        const health = await this.venue.health();
        await desk.write((tx) => storeCondition(tx, desk, health, desk.books === 'agree'));
        if (health.state !== 'UNREACHABLE') {
          comparing ??= this.compare(desk, agreed).finally(() => (comparing = undefined));
          isArmed = await this.beat(isArmed);
        }
      } catch (error) {
        this.tellFailure(error);
      }
      await this.pause(CONDITION_EVERY_MS, AbortSignal.any([desk.over, agreed.signal]));
    }
    await comparing;
  }

  /** @param agreed is ended when it was found just now that the books agree, which is to be told at once */
  private async compare(desk: Desk, agreed: AbortController): Promise<void> {
    try {
      if (await this.reconcile(desk)) agreed.abort();
    } catch (error) {
      this.tellFailure(error);
    }
  }

  /** @returns whether the venue cancels everything now when it hears no more of us */
  private async beat(isArmed: boolean): Promise<boolean> {
    if (this.venue.capabilities().deadMan !== 'heartbeat') return false;
    if (!isArmed) return this.venue.armDeadMan(DEAD_MAN_MS);
    await this.venue.beat();
    return true;
  }

  /**
   * Compares the books with the venue: at first, before anything is admitted, until they agree, then every so often.
   * @returns whether it was found just now that they agree
   */
  private async reconcile(desk: Desk): Promise<boolean> {
    const wasKnown = desk.books === 'agree';
    if (wasKnown && performance.now() < this.nextReconciliationAt) return false;
    if (!wasKnown && !(await this.catchUp(desk))) return false;
    const reconciliation = await this.parts.reconciling.run(this.venue);
    if (reconciliation.kind !== 'unfinished') {
      this.nextReconciliationAt = performance.now() + this.parts.settings.reconciliation.intervalMs;
    }
    if (passes(reconciliation)) desk.books = 'agree';
    else if (!wasKnown) this.tellFailure(new Error(reasonOf(reconciliation)));
    return !wasKnown && desk.books === 'agree';
  }

  /** Brings the books up to what the venue has. @returns false while something is unclear */
  private async catchUp(desk: Desk): Promise<boolean> {
    const { cash } = await this.venue.getBalances();
    const account = { ...desk.of, mode: this.venue.mode, cash: amount(cash) };
    await desk.write((tx) => this.parts.ledger.openAccount(tx, account));
    await this.parts.bookings.bookAll(desk);
    return (await this.parts.resolving.resolveAll(desk)) === 0;
  }

  private isOver(desk: Desk): boolean {
    return this.closing.signal.aborted || desk.over.aborted;
  }

  private async rest(longestMs: number): Promise<void> {
    if (this.isAwake) {
      this.isAwake = false;
      return;
    }
    const awake = new AbortController();
    this.wake = () => awake.abort();
    await this.pause(longestMs, awake.signal);
    this.isAwake = false;
    this.wake = () => undefined;
  }

  private async pause(ms: number, over?: AbortSignal): Promise<void> {
    const signal = over === undefined ? this.closing.signal : AbortSignal.any([this.closing.signal, over]);
    await delay(ms, undefined, { signal }).catch(() => undefined);
  }

  /** Told once per message: it is tried again every second. */
  private tellFailure(error: unknown): void {
    if (error instanceof DeskLost || this.closing.signal.aborted) return;
    const message = error instanceof Error ? error.message : String(error);
    if (message === this.failing) return;
    this.failing = message;
    const isExpected = error instanceof VenueUnreachable;
    this.logger.warn(
      { venue: this.venue.name, ...(isExpected ? {} : { err: error }) },
      `cannot look after it: ${message}`,
    );
  }

  private tellSuccess(): void {
    if (this.failing !== undefined) this.logger.log({ venue: this.venue.name }, 'looking after it again');
    this.failing = undefined;
  }
}

function reasonOf(reconciliation: Reconciliation): string {
  if (reconciliation.kind === 'unfinished') return reconciliation.reason;
  return 'the books differ from what it says (event reconciliation_difference)';
}

async function hasSentOrders(tx: Transaction, { of }: Desk): Promise<boolean> {
  const [row] = await tx.query<{ found: boolean }[]>(
    `SELECT EXISTS (SELECT 1 FROM orders WHERE venue = $1 AND account = $2
       AND status IN ('SUBMITTED', 'OPEN', 'PARTIALLY_FILLED', 'CANCEL_PENDING', 'UNKNOWN')) AS found`,
    [of.venue, of.account],
  );
  return row?.found ?? false;
}
