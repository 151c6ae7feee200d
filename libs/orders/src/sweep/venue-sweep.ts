import { setTimeout as delay } from 'node:timers/promises';
import { Transactions } from '@interlock/persistence';
import type { Venue, VenueOrder } from '@interlock/venues';
import { Injectable, Logger } from '@nestjs/common';
import { type OrderReport, VenueReports } from '../sending/venue-reports.js';
import { type SweptOrder, SweptOrders } from './swept-orders.js';

/** Between two rounds at a venue that still shows orders, or that did not answer. */
const PAUSE_MS = 50;
/** Questions about single orders that are under way at once, so that a sweep of many does not run into the venue's rate limit. */
const QUESTIONS_AT_ONCE = 16;

/** What is to be cancelled at one venue. */
export interface VenueSweepWish {
  readonly orders: readonly SweptOrder[];
  /** True: whatever works in the account, also what nobody here has placed. */
  readonly wholeAccount: boolean;
  /** As `performance.now()`. */
  readonly until: number;
}

/** An order that may still work at the venue. */
interface Pursued extends SweptOrder {
  readonly dedupeKey: string;
  /** Until then it may be on its way, as `performance.now()`. */
  readonly inFlightUntil: number;
}

/** Cancels orders at one venue, and believes it only when the venue shows none any more (safety.md, K4). */
@Injectable()
export class VenueSweep {
  private readonly logger = new Logger('orders');

  constructor(
    private readonly transactions: Transactions,
    private readonly reports: VenueReports,
    private readonly orders: SweptOrders,
  ) {}

  /**
   * Cancels all at once, takes over what the venue tells, verifies, and repeats while it shows orders or some may be on their way.
   * Never rejects, and ends in time whatever the venue does.
   * @returns true when the venue showed none of them at the end
   */
  async sweep(venue: Venue, { orders, wholeAccount, until }: VenueSweepWish): Promise<boolean> {
    const now = performance.now();
    const left = new Map<string, Pursued>();
    for (const order of orders) {
      const { dedupeKey, inFlightMs } = order;
      if (dedupeKey !== null) left.set(dedupeKey, { ...order, dedupeKey, inFlightUntil: now + inFlightMs });
    }
    if (left.size === 0 && !wholeAccount) return true;
    for (;;) {
      const roundAt = performance.now();
      const isClear = await within(until - roundAt, this.round(venue, left, wholeAccount));
      if (isClear && [...left.values()].every(({ inFlightUntil }) => inFlightUntil < roundAt)) return true;
      if (performance.now() + PAUSE_MS >= until) return false;
      await delay(PAUSE_MS);
    }
  }

  /** @returns true when the venue shows none of what is to be cancelled; `left` holds those that are not known to have ended */
  private async round(venue: Venue, left: Map<string, Pursued>, wholeAccount: boolean): Promise<boolean> {
    try {
      const { canceled } = await venue.cancelAll(wholeAccount ? {} : { dedupeKeys: [...left.keys()] });
      const [open] = await Promise.all([venue.listOpenOrders(), this.takeOver(venue, left, canceled)]);
      const shown = open.filter(({ dedupeKey }) => wholeAccount || (dedupeKey !== null && left.has(dedupeKey)));
      await this.askAboutHidden(venue, left, new Set(open.map(({ dedupeKey }) => dedupeKey)));
      return shown.length === 0;
    } catch (error) {
      this.logger.debug({ err: error, venue: venue.name }, 'a round of cancelling did not get through');
      return false;
    }
  }

  /** What was not cancelled by us and is not shown has ended before, is on its way, or never arrived. */
  private async askAboutHidden(
    venue: Venue,
    left: Map<string, Pursued>,
    shown: ReadonlySet<string | null>,
  ): Promise<void> {
    const hidden = [...left.values()].filter(({ dedupeKey }) => !shown.has(dedupeKey));
    if (hidden.length === 0) return;
    const ids = hidden.map(({ id }) => id);
    const notEnded = await this.transactions.run((tx) => this.orders.notEnded(tx, ids));
    for (const { id, dedupeKey } of hidden) if (!notEnded.has(id)) left.delete(dedupeKey);
    const asked = hidden.filter(({ id }) => notEnded.has(id));
    for (let i = 0; i < asked.length; i += QUESTIONS_AT_ONCE) {
      const some = asked.slice(i, i + QUESTIONS_AT_ONCE);
      const answers = await Promise.all(some.map((one) => venue.resolve(one.dedupeKey, one.market, one.createdAt)));
      await this.takeOver(venue, left, answers.flatMap((one) => (one.kind === 'FOUND' ? [one.order] : []))); // prettier-ignore
    }
  }

  private async takeOver(venue: Venue, left: Map<string, Pursued>, told: readonly VenueOrder[]): Promise<void> {
    const ours: OrderReport[] = told.filter(({ dedupeKey }) => dedupeKey !== null && left.has(dedupeKey));
    if (ours.length === 0) return;
    const account = { venue: venue.name, account: venue.account };
    await this.transactions.run((tx) => this.reports.record(tx, account, ours));
    for (const { dedupeKey, status } of ours) {
      if (dedupeKey !== null && status !== 'OPEN' && status !== 'PARTIALLY_FILLED') left.delete(dedupeKey);
    }
  }
}

/** What the promise resolves to, or undefined when that takes longer. */
async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | undefined> {
  const over = new AbortController();
  const late = delay(Math.max(milliseconds, 0), undefined, { signal: over.signal }).catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    over.abort();
  }
}
