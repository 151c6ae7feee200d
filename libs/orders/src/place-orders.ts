import { type KillSwitch, type Mode, type Scope, scopesOver, strictest } from '@interlock/kill-switch';
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
import {
  decimal,
  OrderAdmissions,
  type OrderGuards,
  type OrderIntent,
  RiskStateUnavailable,
  type UnpricedIntent,
} from '@interlock/risk-guards';
import { type FeeSchedule, Venues } from '@interlock/venues';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { EarlyOrders, OrderForecast } from './early-orders.js';
import { asksForTheSame, KeyedOrders, keyOf } from './keyed-orders.js';
import type { OrderParams } from './order.js';
import { OrderMetrics } from './order-metrics.js';
import { limitNearlyReached, type OrderRefusal, orderRejected } from './order-rejected.js';
import { type OrderView, newOrderView, orderViewOf } from './order-view.js';
import { type NewOrder, Orders } from './orders.repository.js';

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

/** Asked last in the transaction that admits orders, under the shared locks of their switches; where it throws, none is admitted. */
export type Confirmation = (tx: Transaction) => Promise<void>;

/** A run that places orders. */
export interface PlacingRun {
  readonly runId: string;
  /** Its orders go to venues of this mode only (safety.md, G0). */
  readonly mode: Mode;
  /** Throws in the admitting transaction when the run is another worker's by now, or has ended (safety.md, R4). */
  readonly confirm: Confirmation;
}

export type PlaceOrderResult =
  | { kind: 'admitted'; order: OrderView }
  /** The key's order, as it is by now. */
  | { kind: 'replayed'; order: OrderView }
  /** The key belongs to an order with other parameters. */
  | { kind: 'key-reused'; orderId: string }
  | { kind: 'invalid'; fieldErrors: Record<string, string[]> }
  | OrderRefusal
  /** The guards cannot judge, or the venue takes nothing now; the same request may be sent again. */
  | { kind: 'unavailable'; message: string };

/** A channel of NOTIFY: there are admitted orders to be sent. Its payload is the venue. */
export const ADMITTED_ORDERS_CHANNEL = 'interlock_admitted_orders';

interface Intent extends NewOrder {
  readonly actorName: string;
  /** As the guards look at it. */
  readonly unpriced: UnpricedIntent;
}

/** What one caller asks for. */
interface Request {
  readonly intents: readonly Intent[];
  readonly confirm: Confirmation | null;
}

/** An intent with what its market says about it. */
interface Prepared {
  readonly intent: Intent;
  readonly fees: FeeSchedule;
  readonly judged: OrderIntent;
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
    // After the switches' locks, since a claim takes those before its run: the other way round they would wait for each other in a circle.
    for (const { confirm } of requests) await confirm?.(tx);
    await this.tell(tx, batch);
    const resultOf = (createdAt: Date) => {
      const results = verdicts.map((verdict) => (typeof verdict === 'function' ? verdict(createdAt) : verdict));
      return requests.map((request) => request.intents.map(() => results.shift() ?? nothing()));
    };
    if (admitted.length === 0) return resultOf(new Date());
    await this.guards.keepHighs(tx, batch.guards);
    const { createdAt } = await early.complete(admitted, nextSent);
    return new LastAnswer(createdAt.then(resultOf));
  }

  /** Locks and reads; while the database stores the orders, judges them. */
  private async judgeAll(
    tx: Transaction,
    nextSent: () => Promise<void>,
    intents: readonly Intent[],
    early: EarlyOrders,
  ): Promise<{ batch: Batch; verdicts: Verdict[] }> {
    const keys = await KeyedOrders.lock(tx, nextSent, intents);
    const unpriced = intents.map((intent) => intent.unpriced);
    const openingSent = nextSent();
    const opening = this.guards.open(tx, scopesOverAll(intents), unpriced, () => early.undo());
    await Promise.race([openingSent, opening]);
    opening.catch(() => undefined); // awaited below, unless the keys' failure is heard of first
    const keyed = await keys.keyed;
    early.store(this.forecast.foresee(intents, keyed));
    const { enabled, guards } = await opening;

    const batch = new Batch(keyed, enabled, guards);
    const verdicts = intents.map((intent, number) => {
      const prepared = prepare(intent, guards, early);
      return 'judged' in prepared ? batch.judge(prepared, number) : prepared;
    });
    const refusals = verdicts.some((verdict) => typeof verdict !== 'function' && verdict.kind !== 'replayed');
    this.forecast.learn(
      batch.admitted.map(({ intent, fees }) => ({ order: intent, fees })),
      { refusals },
    );
    return { batch, verdicts };
  }

  /** Of refusals, and of limits that are nearly reached. */
  private async tell(tx: Transaction, { refused, guards }: Batch): Promise<void> {
    const events = refused.map(({ intent, refusal }) => orderRejected(intent.params, refusal, intent.actorName));
    const near = guards.nearLimits.map(limitNearlyReached);
    await this.boundedEvents.record(tx, [...events, ...near]);
  }
}

type Verdict = PlaceOrderResult | ((createdAt: Date) => PlaceOrderResult);

/** One batch while it is judged, over what the orders before have changed. */
class Batch {
  readonly admitted: Prepared[] = [];
  readonly refused: { intent: Intent; refusal: OrderRefusal }[] = [];
  private readonly keysOfBatch = new Map<string, Intent>();

  constructor(
    private readonly keyed: KeyedOrders,
    private readonly enabled: readonly KillSwitch[],
    readonly guards: OrderGuards,
  ) {}

  judge(prepared: Prepared, number: number): Verdict {
    const { intent, judged } = prepared;
    const repetition = this.repetitionOf(intent);
    if (repetition !== undefined) return repetition;
    // After the repetition: an order that has expired since can still be asked for by its key.
    if (isPast(intent.params.expiresAt))
      return { kind: 'invalid', fieldErrors: { expiresAt: ['must be in the future'] } };
    const refusal = this.switchOver(intent) ?? this.judgeByGuards(judged, number);
    if (refusal === undefined) return this.admit(prepared);
    if (refusal.kind !== 'unavailable') this.refused.push({ intent, refusal });
    return refusal;
  }

  private admit(prepared: Prepared): Verdict {
    const { intent } = prepared;
    this.admitted.push(prepared);
    const key = keyOf(intent);
    if (key !== undefined) this.keysOfBatch.set(key, intent);
    return (createdAt) => ({ kind: 'admitted', order: newOrderView(intent, createdAt) });
  }

  private repetitionOf(intent: Intent): Verdict | undefined {
    const stored = this.keyed.of(intent);
    if (stored !== undefined) {
      return asksForTheSame(stored, intent)
        ? { kind: 'replayed', order: orderViewOf(stored) }
        : { kind: 'key-reused', orderId: stored.id };
    }
    const earlier = this.keysOfBatch.get(keyOf(intent) ?? '');
    if (earlier === undefined) return undefined;
    if (!sameParams(earlier.params, intent.params)) return { kind: 'key-reused', orderId: earlier.id };
    return (createdAt) => ({ kind: 'replayed', order: newOrderView(earlier, createdAt) });
  }

  /** `halt` lets nothing through; `reduce` sales only, which the guards hold to what is held (safety.md, K7). */
  private switchOver({ params }: Intent): OrderRefusal | undefined {
    const scopes = scopesOver(params);
    const killSwitch = strictest(this.enabled.filter(({ scope }) => scopes.includes(scope)));
    if (killSwitch === undefined) return undefined;
    return killSwitch.level === 'reduce' && params.side === 'SELL' ? undefined : { kind: 'kill-switch', killSwitch };
  }

  private judgeByGuards(
    judged: OrderIntent,
    number: number,
  ): OrderRefusal | Extract<PlaceOrderResult, { kind: 'unavailable' }> | undefined {
    try {
      const refusal = this.guards.judge(judged, number);
      return refusal === undefined ? undefined : { kind: 'refused', refusal };
    } catch (error) {
      if (error instanceof RiskStateUnavailable) return { kind: 'unavailable', message: error.message };
      throw error;
    }
  }
}

function unpricedIntent(params: OrderParams, account: string): UnpricedIntent {
  const { strategy, mode, venue, market, outcome, side, type, price, quantity, reduceOnly } = params;
  return {
    strategy,
    mode,
    venue,
    account,
    market,
    outcome,
    side,
    type,
    price: price === null ? null : decimal(price),
    quantity: decimal(quantity),
    reduceOnly,
  };
}

/** The intent with the fee that its market may charge, or what is wrong with its market or outcome. */
function prepare(
  intent: Intent,
  guards: OrderGuards,
  early: EarlyOrders,
): Prepared | Extract<PlaceOrderResult, { kind: 'invalid' }> {
  const quote = guards.quoteOf(intent.params);
  if (quote === undefined) {
    const message = `is not known at the venue ${intent.params.venue} with this market and outcome`;
    return { kind: 'invalid', fieldErrors: { market: [message], outcome: [message] } };
  }
  const { fees } = quote;
  const feeReserve = early.feeReserveOf(intent, fees);
  const judged: OrderIntent = { ...intent.unpriced, highestFee: decimal(feeReserve) };
  return { intent: { ...intent, feeReserve }, judged, fees };
}

/** Of the switches that stand over any of the orders, each once. */
function scopesOverAll(intents: readonly Intent[]): Scope[] {
  return [...new Set(intents.flatMap(({ unpriced }) => scopesOver(unpriced)))];
}

function isPast(instant: Date | null): boolean {
  return instant !== null && instant.getTime() <= Date.now();
}

function sameParams(a: OrderParams, b: OrderParams): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function nothing(): never {
  throw new Error('an order was not answered');
}
