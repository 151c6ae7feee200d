import { setTimeout as delay } from 'node:timers/promises';
import { Settings } from '@interlock/config';
import {
  type KillSwitch,
  KillSwitches,
  KillSwitchWatch,
  type Scope,
  scopesOver,
  strictest,
} from '@interlock/kill-switch';
import { faultPoint } from '@interlock/observability';
import { isDatabaseUnavailable, SharedBatches, Transactions } from '@interlock/persistence';
import { Injectable, Logger } from '@nestjs/common';
import { Ledger, type StatusChange } from '../ledger/ledger.js';
import { OrderMetrics, type SendOutcome } from '../order-metrics.js';
import type { Desk } from './desk.js';
import { DeskLost } from './desk-lease.js';
import { untilStored } from './until-stored.js';
import { type Answer, KILL_SWITCH_REASON, type SendResult, VenueAnswers } from './venue-answers.js';
import { findWaiting, lockWaiting, type OrderToSend, storePrepared, type WaitingOrder } from './waiting-orders.js';

/** No byte of an order leaves later than this after the switches were read for it, in milliseconds (safety.md, K2). */
export const SEND_WITHIN_MS = 1_000;
/** Most markets whose orders are on their way at once. */
const MARKETS_AT_ONCE = 100;
/** Most waiting orders looked at in one go. */
const WAITING_AT_ONCE = 500;

const PAUSE_AFTER_FAILURE_MS = 500;

/** Why an order was never sent, as its reason is shown. */
const NOT_SENT_IN_TIME = 'NOT_SENT_IN_TIME';

/**
 * Sends an account's admitted orders: those of one market one after the other in the order of their admission, each when the one before
 * was answered; markets beside each other.
 */
@Injectable()
export class OrderSending {
  constructor(
    private readonly settings: Settings,
    private readonly transactions: Transactions,
    private readonly switches: KillSwitches,
    private readonly watch: KillSwitchWatch,
    private readonly ledger: Ledger,
    private readonly answers: VenueAnswers,
    private readonly metrics: OrderMetrics,
  ) {}

  /** @param onAnswered called when a venue has told of an order, which may have been filled */
  open(desk: Desk, onAnswered: () => void): OrderSender {
    const { settings, transactions, switches, watch, ledger, answers, metrics } = this;
    return new OrderSender(desk, onAnswered, settings.orderSendMaxAgeMs, {
      transactions,
      switches,
      watch,
      ledger,
      answers,
      metrics,
    });
  }
}

interface Parts {
  readonly transactions: Transactions;
  readonly switches: KillSwitches;
  readonly watch: KillSwitchWatch;
  readonly ledger: Ledger;
  readonly answers: VenueAnswers;
  readonly metrics: OrderMetrics;
}

/** Until when an order may be sent that was taken; or that it is not to be sent any more, or not yet. */
type Claim = Date | 'over' | 'not yet';

/** Sends one account's orders, as long as its desk is ours. */
export class OrderSender {
  private readonly logger = new Logger('order-sender');
  private readonly busyMarkets = new Map<string, Promise<void>>();
  private readonly storing = new Set<Promise<void>>();
  private looking: Promise<void> | undefined;
  private lookAgain = false;
  private isClosed = false;
  /** Orders of many markets share the transaction that takes them, and the one that stores their answers. */
  private readonly claims = new SharedBatches<OrderToSend, Claim>((orders) => this.claimAll(orders), failsTogether);
  private readonly answers = new SharedBatches<Answer, void>((answers) => this.storeAll(answers), failsTogether);

  constructor(
    private readonly desk: Desk,
    private readonly onAnswered: () => void,
    private readonly longestWaitMs: number,
    private readonly parts: Parts,
  ) {}

  /** Looks for waiting orders and sends them. A call during a look has it look once more. */
  look(): Promise<void> {
    this.lookAgain = true;
    this.looking ??= this.lookWhileWished().finally(() => {
      this.looking = undefined;
    });
    return this.looking;
  }

  /** Sends nothing more; resolves when what is on its way was answered. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.looking?.catch(() => undefined);
    await Promise.all(this.busyMarkets.values());
    await Promise.all(this.storing);
  }

  private async lookWhileWished(): Promise<void> {
    while (this.lookAgain && !this.isOver()) {
      this.lookAgain = false;
      const places = MARKETS_AT_ONCE - this.busyMarkets.size;
      if (places <= 0) return;
      const busy = [...this.busyMarkets.keys()];
      const waiting = await this.parts.transactions.run((tx) => findWaiting(tx, this.desk.of, busy, WAITING_AT_ONCE));
      for (const [market, orders] of [...byMarket(waiting)].slice(0, places)) this.beginMarket(market, orders);
    }
  }

  private beginMarket(market: string, orders: readonly WaitingOrder[]): void {
    const work = this.sendInTurn(orders).finally(() => {
      this.busyMarkets.delete(market);
      void this.look().catch(() => undefined); // the desk looks again and again, and tells of what fails
    });
    this.busyMarkets.set(market, work);
  }

  private isOver(): boolean {
    return this.isClosed || this.desk.over.aborted;
  }

  private async sendInTurn(orders: readonly WaitingOrder[]): Promise<void> {
    for (const order of orders) {
      if (this.isOver()) return;
      try {
        if (await this.send({ ...order, prepared: this.desk.venue.prepareOrder(order.intent) })) continue;
      } catch (error) {
        if (!(error instanceof DeskLost))
          this.logger.warn({ err: error, orderId: order.intent.orderId }, 'not sent yet');
      }
      // Of this market nothing more until the next look: its orders must not overtake each other.
      await delay(PAUSE_AFTER_FAILURE_MS, undefined, { signal: this.desk.over }).catch(() => undefined);
      return;
    }
  }

  /** @returns false when it is to be sent later */
  private async send(order: OrderToSend): Promise<boolean> {
    const { orderId } = order.intent;
    this.desk.inHand.add(orderId);
    try {
      const sendBy = await this.claims.add(order);
      if (typeof sendBy === 'string') {
        this.desk.inHand.delete(orderId);
        return sendBy === 'over';
      }
      faultPoint('order-after-claim');
      const result = await this.parts.metrics.sent(this.desk.venue.name, this.submit(order, sendBy), outcomeOf);
      faultPoint('order-after-answer');
      // The market's next order need not wait for it: the venue has answered.
      this.track(this.storeAnswer({ order, result }));
      return true;
    } catch (error) {
      this.desk.inHand.delete(orderId);
      throw error;
    }
  }

  /** An answer that cannot be stored is asked for again, by whoever has the desk then. */
  private async storeAnswer(answer: Answer): Promise<void> {
    const { orderId } = answer.order.intent;
    try {
      await untilStored(this.desk.over, () => this.answers.add(answer));
      this.onAnswered();
    } catch (error) {
      if (!(error instanceof DeskLost)) this.logger.warn({ err: error, orderId }, 'an answer could not be stored');
    } finally {
      this.desk.inHand.delete(orderId);
    }
  }

  private track(work: Promise<void>): void {
    this.storing.add(work);
    void work.finally(() => this.storing.delete(work));
  }

  private async submit(order: OrderToSend, sendBy: Date): Promise<SendResult> {
    if (this.desk.over.aborted) throw new DeskLost(this.desk.of);
    if (this.parts.watch.haltOver(scopesOver(this.scoped(order))) !== undefined) return { kind: 'HALTED' };
    return this.desk.venue.submit(order.prepared, { signal: this.desk.over, sendBy });
  }

  private scoped({ strategy, mode }: WaitingOrder) {
    return { strategy, mode, venue: this.desk.venue.name };
  }

  /** ADMITTED → SUBMITTED for those that may go. What may go no more is ended, whether or not anything may be sent now. */
  private claimAll(orders: readonly OrderToSend[]): Promise<Claim[]> {
    const scopes = [...new Set(orders.flatMap((order) => scopesOver(this.scoped(order))))];
    return this.parts.transactions.run(async (tx) => {
      // By our own clock from before the switches are read, since the bytes are checked against it (safety.md, K2).
      const sendBy = new Date(Date.now() + SEND_WITHIN_MS);
      await this.parts.switches.lockShared(tx, scopes);
      const enabled = await this.parts.switches.readEnabled(tx, scopes);
      await this.desk.confirm(tx);
      const waiting = await lockWaiting(
        tx,
        orders.map(({ intent }) => intent.orderId),
        this.longestWaitMs,
      );
      const ending: StatusChange[] = [];
      const going: OrderToSend[] = [];
      const maySend = this.desk.books === 'agree';
      const later: OrderToSend[] = [];
      for (const order of orders) {
        const { orderId } = order.intent;
        const lateness = waiting.get(orderId);
        if (lateness === undefined) continue;
        if (isForbidden(order, enabled, scopesOver(this.scoped(order)))) {
          ending.push({ orderId, to: 'CANCELED', reason: KILL_SWITCH_REASON });
        } else if (lateness.isLate || lateness.hasExpired) {
          ending.push({ orderId, to: 'EXPIRED', ...(lateness.hasExpired ? {} : { reason: NOT_SENT_IN_TIME }) });
        } else {
          (maySend ? going : later).push(order);
        }
      }
      const submitted = going.map(({ intent }) => ({ orderId: intent.orderId, to: 'SUBMITTED' as const }));
      await this.parts.ledger.changeStatus(tx, [...ending, ...submitted]);
      if (going.length > 0) await storePrepared(tx, going, SEND_WITHIN_MS);
      return orders.map((order) => (going.includes(order) ? sendBy : later.includes(order) ? 'not yet' : 'over'));
    });
  }

  private storeAll(answers: readonly Answer[]): Promise<void[]> {
    return this.desk.write(async (tx) => {
      for (const answer of answers) await this.parts.answers.store(tx, this.desk.of, answer);
      return answers.map(() => undefined);
    });
  }
}

function byMarket(orders: readonly WaitingOrder[]): Map<string, WaitingOrder[]> {
  const markets = new Map<string, WaitingOrder[]>();
  for (const order of orders) {
    const { market } = order.intent;
    markets.set(market, [...(markets.get(market) ?? []), order]);
  }
  return markets;
}

/** `halt` lets nothing leave; `reduce` sales only, which were admitted as such (safety.md, K7). */
function isForbidden({ intent }: WaitingOrder, enabled: readonly KillSwitch[], scopes: readonly Scope[]): boolean {
  const killSwitch = strictest(enabled.filter(({ scope }) => scopes.includes(scope)));
  return killSwitch !== undefined && (killSwitch.level === 'halt' || intent.side === 'BUY');
}

function outcomeOf({ kind }: SendResult): SendOutcome {
  return kind.toLowerCase() as Lowercase<SendResult['kind']>;
}

function failsTogether(error: unknown): boolean {
  return isDatabaseUnavailable(error) || error instanceof DeskLost;
}
