import type { Scope } from '@interlock/kill-switch';
import { answeredWithin, Transactions } from '@interlock/persistence';
import { type Venue, Venues } from '@interlock/venues';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type SweepEffect, type SweptOrder, SweptOrders, type SweptScope, wasSent } from './swept-orders.js';
import { VenueSweep } from './venue-sweep.js';

/** Of the time that a sweep has, the part that is kept for counting. */
const COUNTING_MS = 300;

export interface Sweep extends SweptScope {
  /** When the switch was turned: what others have cancelled for it since counts as well. Null: only what works now. */
  readonly since: Date | null;
  /** The sweep ends by then, in milliseconds; what is not known to be cancelled by then counts as unknown. */
  readonly withinMs: number;
  /**
   * True: venues at which nothing of ours works are asked, too, where a halt covers them whole, since somebody else may have placed
   * orders there. They are cancelled, and not counted.
   */
  readonly foreign: boolean;
}

/** Cancels the working orders that a switch forbids, at the venues and in the books (safety.md: K2, K4, K7). */
export class SweepOrders extends Command<SweepResult> {
  constructor(readonly sweep: Sweep) {
    super();
  }
}

export interface SweepResult extends SweepEffect {
  /** True when each venue that was asked showed none of the orders at the end. */
  readonly isClear: boolean;
}

@CommandHandler(SweepOrders)
export class SweepOrdersHandler implements ICommandHandler<SweepOrders> {
  constructor(
    private readonly transactions: Transactions,
    private readonly venues: Venues,
    private readonly orders: SweptOrders,
    private readonly venueSweep: VenueSweep,
  ) {}

  /** @throws when the database cannot be reached in time; what was done by then stands */
  async execute({ sweep }: SweepOrders): Promise<SweepResult> {
    const until = performance.now() + sweep.withinMs;
    // On a connection of its own: a busy pool must not let orders through to be sent, or keep the button waiting.
    const marked = await this.transactions.onReservedConnection((tx) => this.orders.mark(tx, sweep), {
      withinMs: sweep.withinMs,
    });
    const sent = marked.filter((order) => wasSent(order) && !order.hasEnded);
    // Side by side: one that hangs holds up none of the others.
    const venues = this.venues.all().map((venue) => this.sweepAt(venue, sent, sweep, until - COUNTING_MS));
    const areClear = await Promise.all(venues);
    const ids = marked.map(({ id }) => id);
    const effect = await answeredWithin(
      Math.max(until - performance.now(), COUNTING_MS),
      this.transactions.onReservedConnection((tx) => this.orders.effect(tx, sweep, ids, sweep.since)),
    );
    return { ...effect, isClear: !areClear.includes(false) };
  }

  private async sweepAt(venue: Venue, sent: readonly SweptOrder[], sweep: Sweep, until: number): Promise<boolean> {
    const orders = sent.filter((order) => order.venue === venue.name && order.account === venue.account);
    const wholeAccount = sweep.sparing === undefined && sweep.level === 'halt' && covers(sweep.scope, venue);
    if (orders.length === 0 && !(wholeAccount && sweep.foreign)) return true;
    return this.venueSweep.sweep(venue, { orders, wholeAccount, until });
  }
}

/** Whether every order of the venue is under the scope. */
function covers(scope: Scope, venue: Venue): boolean {
  return scope === 'global' || scope === `mode:${venue.mode}` || scope === `venue:${venue.name}`;
}
