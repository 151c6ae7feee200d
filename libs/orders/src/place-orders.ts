import { type Mode, type Scope, scopesOver } from '@interlock/kill-switch';
import { BoundedEvents } from '@interlock/ops-events';
import {
  CommitOutcomeUnknown,
  isDatabaseUnavailable,
  LastAnswer,
  newId,
  SharedBatches,
  type Transaction,
  Transactions,
} from '@interlock/persistence';
import { OrderAdmissions, RiskStateUnavailable } from '@interlock/risk-guards';
import { Venues } from '@interlock/venues';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { EarlyOrders, OrderForecast } from './early-orders.js';
import { KeyedOrders } from './keyed-orders.js';
import type { OrderParams } from './order.js';
import { type Intent, OrderBatch, type PlacedOrder, unpricedIntent, type Verdict } from './order-batch.js';
import { OrderMetrics } from './order-metrics.js';
import { limitNearlyReached, orderRejected } from './order-rejected.js';
import { Orders } from './orders.repository.js';

/** What a caller asks for; the mode follows from the venue. */
export interface OrderRequest extends Omit<OrderParams, 'mode'> {
  /** At most one order per strategy has it; null: each request makes one. */
  readonly clientOrderId: string | null;
}

/** Places orders, each if switches, limits and the market let it: one after the other, in this order. */
export class PlaceOrders extends Command<PlaceOrderResult[]> {
  constructor(
    readonly orders: readonly OrderRequest[],
    /** Who asks; for events. */
    readonly actorName: string,
    /** The run whose pipeline asks; null: a caller from outside. */
    readonly run: PlacingRun | null = null,
    /** Throws in the admitting transaction when whoever asks may place nothing any more. */
    readonly confirm: Confirmation | null = run?.confirm ?? null,
  ) {
    super();
  }
}

/** Asked in the transaction that admits orders, under the shared locks of their switches; where it throws, none is admitted. */
export type Confirmation = (tx: Transaction) => Promise<void>;

/** A run that places orders. */
export interface PlacingRun {
  readonly runId: string;
  /** Its orders go to venues of this mode only (safety.md, G0). */
  readonly mode: Mode;
  /** Throws in the admitting transaction when the run is another worker's by now, or has ended (safety.md, R4). */
  readonly confirm: Confirmation;
}

export type PlaceOrderResult = PlacedOrder;

/** A channel of NOTIFY: there are admitted orders to be sent. Its payload is the venue. */
export const ADMITTED_ORDERS_CHANNEL = 'interlock_admitted_orders';

/** What one caller asks for. */
interface Request {
  readonly intents: readonly Intent[];
  readonly confirm: Confirmation | null;
}

@CommandHandler(PlaceOrders)
export class PlaceOrdersHandler implements ICommandHandler<PlaceOrders> {
  /** Concurrent requests share a transaction; what one request asks for stays together and in order. */
  private readonly admissions = new SharedBatches<Request, PlaceOrderResult[]>(
    (requests) => this.transactions.pipelined((tx, nextSent) => this.admitAll(tx, nextSent, requests)),
    (error) =>
      isDatabaseUnavailable(error) || error instanceof RiskStateUnavailable || error instanceof CommitOutcomeUnknown,
  );

  private readonly forecast = new OrderForecast();

  constructor(
    private readonly transactions: Transactions,
    private readonly venues: Venues,
    private readonly guards: OrderAdmissions,
    private readonly orders: Orders,
    private readonly boundedEvents: BoundedEvents,
    private readonly metrics: OrderMetrics,
  ) {}

  execute(command: PlaceOrders): Promise<PlaceOrderResult[]> {
    return this.metrics.placed(
      command.orders.map(({ venue }) => venue),
      this.place(command),
    );
  }

  private async place({ orders, actorName, run, confirm }: PlaceOrders): Promise<PlaceOrderResult[]> {
    const intents = orders.map((request) => this.intentOf(request, actorName, run));
    const known = intents.filter((intent) => 'id' in intent);
    const results = known.length === 0 ? [] : await this.admissions.add({ intents: known, confirm });
    return intents.map((intent) => ('id' in intent ? (results.shift() ?? nothing()) : intent));
  }

  private intentOf(
    { clientOrderId, ...params }: OrderRequest,
    actorName: string,
    run: PlacingRun | null,
  ): Intent | Extract<PlaceOrderResult, { kind: 'invalid' }> {
    const venue = this.venues.find(params.venue);
    if (venue === undefined) {
      const names = this.venues.names();
      const allowed = names.length === 0 ? 'no venue is configured' : `must be one of ${names.join(', ')}`;
      return { kind: 'invalid', fieldErrors: { venue: [allowed] } };
    }
    if (run !== null && run.mode !== venue.mode) {
      const message = `is of mode ${venue.mode}, and the run of mode ${run.mode}`;
      return { kind: 'invalid', fieldErrors: { venue: [message] } };
    }
    const runId = run?.runId ?? null;
    const complete: OrderParams = { ...params, mode: venue.mode };
    const { account } = venue;
    const unpriced = unpricedIntent(complete, account);
    return { id: newId(), params: complete, account, clientOrderId, runId, feeReserve: '0', actorName, unpriced };
  }

  private async admitAll(
    tx: Transaction,
    nextSent: () => Promise<void>,
    requests: readonly Request[],
  ): Promise<PlaceOrderResult[][] | LastAnswer<PlaceOrderResult[][]>> {
    const intents = requests.flatMap((request) => request.intents);
    const early = new EarlyOrders(tx, this.orders, ADMITTED_ORDERS_CHANNEL);
    const { batch, verdicts } = await this.judgeAll(tx, nextSent, intents, early);
    const admitted = batch.admitted.map(({ intent }) => intent);
    await early.compare(admitted);
    await early.behind(async () => {
      // After the switches' locks, since a claim takes those before its run: the other way round they would wait for each other in a circle.
      for (const { confirm } of requests) await confirm?.(tx);
      await this.tell(tx, batch);
      if (admitted.length > 0) await this.guards.keepHighs(tx, batch.guards);
    });
    const resultOf = (at: Date) => {
      const createdAt = at.toISOString();
      const results = verdicts.map((verdict) => (typeof verdict === 'function' ? verdict(createdAt) : verdict));
      return requests.map((request) => request.intents.map(() => results.shift() ?? nothing()));
    };
    if (admitted.length === 0) return resultOf(new Date());
    const { createdAt } = await early.complete(admitted, nextSent);
    return new LastAnswer(createdAt.then(resultOf));
  }

  /** Locks and reads; while the database stores the orders, judges them. */
  private async judgeAll(
    tx: Transaction,
    nextSent: () => Promise<void>,
    intents: readonly Intent[],
    early: EarlyOrders,
  ): Promise<{ batch: OrderBatch; verdicts: Verdict[] }> {
    const keys = await KeyedOrders.lock(tx, nextSent, intents);
    const unpriced = intents.map((intent) => intent.unpriced);
    const openingSent = nextSent();
    const opening = this.guards.open(tx, scopesOverAll(intents), unpriced, () => early.undo());
    await Promise.race([openingSent, opening]);
    opening.catch(() => undefined); // awaited below, unless the keys' failure is heard of first
    const keyed = await keys.keyed;
    early.store(this.forecast.foresee(intents, keyed));
    const { enabled, guards } = await opening;

    const batch = new OrderBatch(keyed, enabled, guards, (order, fees) => early.feeReserveOf(order, fees));
    const verdicts = intents.map((intent, number) => batch.judge(intent, number));
    const refusals = verdicts.some((verdict) => typeof verdict !== 'function' && verdict.kind !== 'replayed');
    this.forecast.learn(
      batch.admitted.map(({ intent, fees }) => ({ order: intent, fees })),
      { refusals },
    );
    return { batch, verdicts };
  }

  /** Of refusals, and of limits that are nearly reached. */
  private async tell(tx: Transaction, { refused, guards }: OrderBatch): Promise<void> {
    const events = refused.map(({ intent, refusal }) => orderRejected(intent.params, refusal, intent.actorName));
    const near = guards.nearLimits.map(limitNearlyReached);
    await this.boundedEvents.record(tx, [...events, ...near]);
  }
}

/** Of the switches that stand over any of the orders, each once. */
function scopesOverAll(intents: readonly Intent[]): Scope[] {
  return [...new Set(intents.flatMap(({ unpriced }) => scopesOver(unpriced)))];
}

function nothing(): never {
  throw new Error('an order was not answered');
}
