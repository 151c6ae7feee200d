import type { Transaction } from '@interlock/persistence';
import { type FeeSchedule, highestFee } from '@interlock/venues';
import { type KeyedOrders, keyOf } from './keyed-orders.js';
import type { OrderParams } from './order.js';
import type { NewOrder, Orders } from './orders.repository.js';

/** Markets whose fees are kept in mind at most. */
const MOST_SCHEDULES = 10_000;

/** An order as it will be stored, and the fees of its market that this goes by. */
export interface Foreseen {
  readonly order: NewOrder;
  readonly fees: FeeSchedule;
}

/**
 * Foretells what a batch will come to, so that the database can store it while it is judged. Where that was wrong, nothing of it is kept:
 * a wrong guess costs time, never an order.
 */
export class OrderForecast {
  private readonly schedules = new Map<string, FeeSchedule>();
  /** After a refusal the next are probably refused as well, and what is stored in vain is left to vacuum. */
  private isFair = true;

  /** @returns the orders that will be admitted, as they will be stored; none where that cannot be told */
  foresee(orders: readonly NewOrder[], keyed: KeyedOrders): Foreseen[] {
    if (!this.isFair) return [];
    const keys = new Set<string>();
    const foreseen: Foreseen[] = [];
    for (const order of orders) {
      const key = keyOf(order);
      if (key !== undefined && (keys.has(key) || keyed.of(order) !== undefined)) continue;
      if (key !== undefined) keys.add(key);
      const fees = this.schedules.get(outcomeOf(order.params));
      if (fees === undefined) return [];
      foreseen.push({ order: { ...order, feeReserve: feeReserve(fees, order.params) }, fees });
    }
    return foreseen;
  }

  /** Remembers what a batch has come to. */
  learn(admitted: readonly Foreseen[], { refusals }: { refusals: boolean }): void {
    this.isFair = !refusals;
    if (this.schedules.size > MOST_SCHEDULES) this.schedules.clear();
    for (const { order, fees } of admitted) this.schedules.set(outcomeOf(order.params), fees);
  }
}

/** A batch that is stored while it is judged, behind a savepoint. */
export class EarlyOrders {
  private foreseen = new Map<string, Foreseen>();
  private storing: Promise<Date> | undefined;

  constructor(
    private readonly tx: Transaction,
    private readonly orders: Orders,
    private readonly channel: string,
  ) {}

  /** Sends them on their way, behind the opening of their admission. */
  store(foreseen: readonly Foreseen[]): void {
    if (foreseen.length === 0) return;
    this.foreseen = new Map(foreseen.map((one) => [one.order.id, one]));
    const orders = foreseen.map(({ order }) => order);
    const saved = this.tx.query('SAVEPOINT early_orders');
    const stored = this.orders.admit(this.tx, orders, this.channel);
    // What fails first is told, to whoever awaits it; where what was sent before has failed, nobody does.
    this.storing = Promise.all([stored, saved]).then(([createdAt]) => createdAt);
    this.storing.catch(() => undefined);
  }

  /** What the order reserves for fees under these: computed once, if it was foreseen. */
  feeReserveOf({ id, params }: NewOrder, fees: FeeSchedule): string {
    const foreseen = this.foreseen.get(id);
    return foreseen !== undefined && isSame(foreseen.fees, fees) ? foreseen.order.feeReserve : feeReserve(fees, params);
  }

  /** Nothing of it has been, nor of what was sent since. */
  async undo(): Promise<void> {
    if (this.storing === undefined) return;
    this.storing = undefined;
    await this.tx.query('ROLLBACK TO SAVEPOINT early_orders');
  }

  /** Undoes it unless it is exactly what was admitted. Before anything else is sent that is to last. */
  async compare(admitted: readonly NewOrder[]): Promise<void> {
    const isRight =
      admitted.length === this.foreseen.size &&
      admitted.every((order) => this.foreseen.get(order.id)?.order.feeReserve === order.feeReserve);
    if (!isRight) await this.undo();
  }

  /**
   * Carries out what is sent behind the storing. When that has failed, the server refuses whatever comes behind it for that alone; why,
   * and whether a replay helps, only the storing tells.
   */
  async behind(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      await this.storing;
      throw error;
    }
  }

  /**
   * Has the admitted orders stored, unless they are already: after `compare`.
   * @returns when they were created, once the database says so
   */
  async complete(admitted: readonly NewOrder[], nextSent: () => Promise<void>): Promise<{ createdAt: Promise<Date> }> {
    if (this.storing !== undefined) return { createdAt: this.storing };
    const sent = nextSent();
    const createdAt = this.orders.admit(this.tx, admitted, this.channel);
    await Promise.race([sent, createdAt]);
    return { createdAt };
  }
}

function isSame(a: FeeSchedule, b: FeeSchedule): boolean {
  return a.rules === b.rules && a.feeRate === b.feeRate && a.feeExponent === b.feeExponent;
}

/** What is reserved for fees: a sale pays them out of what it brings. */
function feeReserve(fees: FeeSchedule, { side, price, quantity }: OrderParams): string {
  return side === 'BUY' ? highestFee(fees, { side, price, quantity }) : '0';
}

/** No text of the database holds the separator. */
function outcomeOf({ venue, market, outcome }: OrderParams): string {
  return `${venue}\u0000${market}\u0000${outcome}`;
}
