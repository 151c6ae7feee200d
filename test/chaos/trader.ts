import { setTimeout as delay } from 'node:timers/promises';
import { NoAnswer } from '../support/cluster-client.js';
import { type Call, type Caller, codeOf, statusOf, unanswered } from './caller.js';
import type { History, MarketRecord, OrderOutcome } from './history.js';
import type { KeyedWish, Misbehaviour, OrderDeed } from './order-schedule.js';

/** How often the venue is told to behave again. */
const MOST_CALLS = 50;
const CALM = { latencyMs: 20 };

/** Carries out what happens to orders and at the paper venue, and writes it down. */
export class Trader {
  private readonly admitted: string[] = [];
  /** When GTD orders end, by the wish's quantity: a repeat must ask for the same instant. */
  private readonly ends = new Map<string, string>();
  private isMisbehaving = false;

  constructor(
    private readonly caller: Caller,
    private readonly history: History,
  ) {}

  async carryOut(operation: number, deed: OrderDeed): Promise<void> {
    switch (deed.kind) {
      case 'order':
        return this.order(operation, deed.api, deed);
      case 'orders':
        return this.orders(operation, deed.api, deed.wishes);
      case 'cancel-order': {
        const orderId = this.admitted.at(-deed.back);
        if (orderId !== undefined) await this.cancel(operation, deed.api, orderId);
        return;
      }
      case 'list-market':
        return this.atMarket(operation, deed, await this.caller.call(deed.api, 'PUT', pathOf(deed.market), { body: deed.listing })); // prettier-ignore
      case 'trade':
        return this.atMarket(operation, deed, await this.caller.call(deed.api, 'POST', `${pathOf(deed.market)}/trades`, { body: deed.trade })); // prettier-ignore
      case 'settle': {
        const body = { payouts: deed.payouts };
        return this.atMarket(operation, deed, await this.caller.call(deed.api, 'POST', `${pathOf(deed.market)}/settle`, { body })); // prettier-ignore
      }
      case 'misbehave':
        return this.misbehave(operation, deed.behaviour, deed.forMs);
    }
  }

  /** @returns false when nobody can tell whether it was done */
  async cancel(operation: number, api: number, orderId: string): Promise<boolean> {
    const { answer, ...exchange } = await this.caller.call(api, 'DELETE', `/api/orders/${orderId}`);
    const { status, code } = statusOf(answer);
    const order = answer instanceof NoAnswer ? undefined : (answer.body['order'] as { status?: string } | undefined);
    this.history.add({ kind: 'cancel-order', operation, ...exchange, orderId, status, code, became: order?.status });
    return status === 202 || status === 409;
  }

  /** Whatever was set before: from now on the venue answers, soon. */
  async behave(): Promise<void> {
    for (let attempt = 0; attempt < MOST_CALLS; attempt++) {
      const { answer } = await this.caller.call(attempt, 'PUT', '/api/paper/behaviour', { body: CALM });
      if (statusOf(answer).status === 200) return;
      await delay(200);
    }
    throw new Error('the paper venue could not be told to behave');
  }

  private async order(operation: number, api: number, keyed: KeyedWish): Promise<void> {
    const { answer, ...exchange } = await this.caller.call(api, 'POST', '/api/orders', { body: this.bodyOf(keyed) });
    const outcome =
      answer instanceof NoAnswer
        ? unanswered(answer)
        : orderOutcome(answer.status, answer.status < 300, answer.status === 200, answer.body);
    this.note(operation, exchange, keyed, outcome);
  }

  private async orders(operation: number, api: number, wishes: readonly KeyedWish[]): Promise<void> {
    const body = { orders: wishes.map((keyed) => this.bodyOf(keyed)) };
    const { answer, ...exchange } = await this.caller.call(api, 'POST', '/api/orders/batch', { body });
    for (const [index, keyed] of wishes.entries()) {
      this.note(operation, exchange, keyed, batchOutcome(answer, index));
    }
  }

  private note(
    operation: number,
    exchange: Omit<Call, 'answer'>,
    { wish, key }: KeyedWish,
    outcome: OrderOutcome,
  ): void {
    if (outcome.kind === 'admitted') this.admitted.push(outcome.orderId);
    this.history.add({ kind: 'order', operation, ...exchange, wish, key, outcome });
  }

  private bodyOf({ wish: { lifeMs, price, ...wish }, key }: KeyedWish): object {
    return {
      ...wish,
      ...(price === null ? {} : { price }),
      ...(lifeMs === null ? {} : { expiresAt: this.endOf(wish.quantity, lifeMs) }),
      ...(key === undefined ? {} : { clientOrderId: key }),
    };
  }

  private endOf(quantity: string, lifeMs: number): string {
    const end = this.ends.get(quantity) ?? new Date(Date.now() + lifeMs).toISOString();
    this.ends.set(quantity, end);
    return end;
  }

  private atMarket(operation: number, { kind: deed, market }: MarketDeed, { answer, ...exchange }: Call): void {
    this.history.add({ kind: 'market', operation, ...exchange, market, deed, ...statusOf(answer) });
  }

  private async misbehave(operation: number, behaviour: Misbehaviour, forMs: number): Promise<void> {
    if (this.isMisbehaving) return;
    this.isMisbehaving = true;
    try {
      const from = Date.now();
      await this.caller.call(0, 'PUT', '/api/paper/behaviour', { body: behaviour });
      await delay(forMs);
      await this.behave();
      const times = { from, until: Date.now() };
      this.history.add({ kind: 'fault', operation, deed: 'misbehave', target: 'venue', pid: undefined, behaviour, ...times }); // prettier-ignore
    } finally {
      this.isMisbehaving = false;
    }
  }
}

interface MarketDeed {
  readonly kind: MarketRecord['deed'];
  readonly market: string;
}

function pathOf(market: string): string {
  return `/api/paper/markets/${market}`;
}

function batchOutcome(answer: Call['answer'], index: number): OrderOutcome {
  if (answer instanceof NoAnswer) return unanswered(answer);
  const { status, body } = answer;
  if (status !== 200) return orderOutcome(status, false, false, body);
  const result = (body['results'] as Record<string, unknown>[])[index] ?? {};
  const isFine = result['ok'] === true;
  return orderOutcome(isFine ? 201 : 409, isFine, result['replayed'] === true, result);
}

function orderOutcome(
  status: number,
  isFine: boolean,
  isReplay: boolean,
  body: Readonly<Record<string, unknown>>,
): OrderOutcome {
  const orderId = (body['order'] as { orderId?: string } | undefined)?.orderId;
  if (isFine && orderId !== undefined) return { kind: isReplay ? 'replayed' : 'admitted', orderId };
  const code = codeOf(body);
  return mayBeStored(body) ? { kind: 'unknown', why: code } : { kind: 'refused', status, code };
}

/** The database was lost during the commit: the message says so. */
function mayBeStored({ code, message }: Readonly<Record<string, unknown>>): boolean {
  return code === 'DATABASE_UNAVAILABLE' && typeof message === 'string' && message.includes('is unknown');
}
