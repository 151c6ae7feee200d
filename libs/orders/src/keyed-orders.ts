import { plainAmount, type Transaction } from '@interlock/persistence';
import type { OrderParams } from './order.js';
import { OrderEntity } from './order.entity.js';

/** An order that may repeat one: the key belongs to the strategy. */
export interface KeyedOrder {
  readonly params: OrderParams;
  readonly clientOrderId: string | null;
}

/** The orders that some client order ids belong to. */
export class KeyedOrders {
  private constructor(private readonly orders: Map<string, OrderEntity>) {}

  /**
   * Locks the keys until the transaction ends and reads their orders, so that any number of requests with one key, in any number of
   * processes, make one order.
   * @param nextSent as a pipelined transaction gives it
   * @returns as soon as that is on its way, so that what is sent then comes behind it
   */
  static async lock(
    tx: Transaction,
    nextSent: () => Promise<void>,
    wishes: readonly KeyedOrder[],
  ): Promise<{ keyed: Promise<KeyedOrders> }> {
    const keys = wishes.flatMap((wish) => keyOf(wish) ?? []);
    if (keys.length === 0) return { keyed: Promise.resolve(new KeyedOrders(new Map())) };
    const lockSent = nextSent();
    // Sorted by lock, so that two transactions never wait for each other in a circle.
    const locking: Promise<unknown> = tx.query(
      `SELECT pg_advisory_xact_lock(lock)
       FROM (SELECT DISTINCT hashtextextended('interlock client order id ' || key, 0) AS lock
             FROM unnest($1::text[]) AS key ORDER BY 1) AS locks`,
      [keys],
    );
    await Promise.race([lockSent, locking]);
    const readingSent = nextSent();
    const reading = tx
      .createQueryBuilder(OrderEntity, 'o')
      .where('o.clientOrderId = ANY(:keys)', { keys: wishes.map(({ clientOrderId }) => clientOrderId) })
      .andWhere('o.strategy = ANY(:strategies)', { strategies: wishes.map(({ params }) => params.strategy) })
      .getMany();
    await Promise.race([readingSent, reading]);
    const keyed = Promise.all([locking, reading]).then(
      ([, found]) =>
        new KeyedOrders(new Map(found.map((order) => [`${order.strategy} ${order.clientOrderId}`, order]))),
    );
    // Whoever asks for it hears of a failure; where what was sent behind it is heard of first, nobody asks.
    keyed.catch(() => undefined);
    return { keyed };
  }

  /** The key's order, or undefined. */
  of(wish: KeyedOrder): OrderEntity | undefined {
    const key = keyOf(wish);
    return key === undefined ? undefined : this.orders.get(key);
  }
}

/** Names have no spaces. */
export function keyOf({ params, clientOrderId }: KeyedOrder): string | undefined {
  return clientOrderId === null ? undefined : `${params.strategy} ${clientOrderId}`;
}

/** True when the stored order is what is asked for again. */
export function asksForTheSame(order: OrderEntity, { params }: KeyedOrder): boolean {
  return (
    order.venue === params.venue &&
    order.market === params.market &&
    order.outcome === params.outcome &&
    order.side === params.side &&
    order.type === params.type &&
    sameAmount(order.price, params.price) &&
    sameAmount(order.quantity, params.quantity) &&
    order.timeInForce === params.timeInForce &&
    order.expiresAt?.getTime() === params.expiresAt?.getTime() &&
    order.postOnly === params.postOnly &&
    order.reduceOnly === params.reduceOnly
  );
}

function sameAmount(a: string | null, b: string | null): boolean {
  return a === null || b === null ? a === b : plainAmount(a) === plainAmount(b);
}
