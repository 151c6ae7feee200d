import { type KillSwitch, scopesOver, strictest } from '@interlock/kill-switch';
import {
  decimal,
  type OrderGuards,
  type OrderIntent,
  RiskStateUnavailable,
  type UnpricedIntent,
} from '@interlock/risk-guards';
import type { FeeSchedule } from '@interlock/venues';
import { asksForTheSame, type KeyedOrders, keyOf } from './keyed-orders.js';
import type { OrderParams } from './order.js';
import type { OrderRefusal } from './order-rejected.js';
import { newOrderView, orderViewOf, type OrderView } from './order-view.js';
import type { NewOrder } from './orders.repository.js';

/** An order that asks to be admitted. */
export interface Intent extends NewOrder {
  readonly actorName: string;
  /** As the guards look at it. */
  readonly unpriced: UnpricedIntent;
}

/** What becomes of an order that is asked for. */
export type PlacedOrder =
  | { kind: 'admitted'; order: OrderView }
  /** The key's order, as it is by now. */
  | { kind: 'replayed'; order: OrderView }
  /** The key belongs to an order with other parameters. */
  | { kind: 'key-reused'; orderId: string }
  | { kind: 'invalid'; fieldErrors: Record<string, string[]> }
  | OrderRefusal
  /** The guards cannot judge, or the venue takes nothing now; the same request may be sent again. */
  | { kind: 'unavailable'; message: string };

/** An intent with what its market says about it. */
interface Prepared {
  readonly intent: Intent;
  readonly fees: FeeSchedule;
  readonly judged: OrderIntent;
}

/** What becomes of it, or for an admitted one how to tell it once the time of its creation is known. */
export type Verdict = PlacedOrder | ((createdAt: string) => PlacedOrder);

/** One batch while it is judged, over what the orders before have changed. */
export class OrderBatch {
  readonly admitted: Prepared[] = [];
  readonly refused: { intent: Intent; refusal: OrderRefusal }[] = [];
  private readonly keysOfBatch = new Map<string, Intent>();

  /**
   * @param enabled switches that are on, of those over any of the orders
   * @param feeReserveOf what an order reserves under its market's fees
   */
  constructor(
    private readonly keyed: KeyedOrders,
    private readonly enabled: readonly KillSwitch[],
    readonly guards: OrderGuards,
    private readonly feeReserveOf: (order: NewOrder, fees: FeeSchedule) => string,
  ) {}

  /** Judges the next one. @param number its place among those that the guards were asked about */
  judge(intent: Intent, number: number): Verdict {
    const prepared = this.prepare(intent);
    return 'judged' in prepared ? this.judgePrepared(prepared, number) : prepared;
  }

  private judgePrepared(prepared: Prepared, number: number): Verdict {
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

  /** The intent with the fee that its market may charge, or what is wrong with its market or outcome. */
  private prepare(intent: Intent): Prepared | Extract<PlacedOrder, { kind: 'invalid' }> {
    const quote = this.guards.quoteOf(intent.params);
    if (quote === undefined) {
      const message = `is not known at the venue ${intent.params.venue} with this market and outcome`;
      return { kind: 'invalid', fieldErrors: { market: [message], outcome: [message] } };
    }
    const { fees } = quote;
    const feeReserve = this.feeReserveOf(intent, fees);
    const judged: OrderIntent = { ...intent.unpriced, highestFee: decimal(feeReserve) };
    return { intent: { ...intent, feeReserve }, judged, fees };
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
  ): OrderRefusal | Extract<PlacedOrder, { kind: 'unavailable' }> | undefined {
    try {
      const refusal = this.guards.judge(judged, number);
      return refusal === undefined ? undefined : { kind: 'refused', refusal };
    } catch (error) {
      if (error instanceof RiskStateUnavailable) return { kind: 'unavailable', message: error.message };
      throw error;
    }
  }
}

/** As the guards look at it. */
export function unpricedIntent(params: OrderParams, account: string): UnpricedIntent {
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

function isPast(instant: Date | null): boolean {
  return instant !== null && instant.getTime() <= Date.now();
}

function sameParams(a: OrderParams, b: OrderParams): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
