import type { ResolveResult, Venue } from '@interlock/venues';

/** Questions that are on their way to a venue at once. */
const AT_ONCE = 8;

/** An order that a venue can be asked for. */
interface SoughtOrder {
  readonly dedupeKey: string;
  readonly market: string;
  readonly createdAt: Date;
}

export interface ResolvedOrder<Order> {
  readonly order: Order;
  readonly found: ResolveResult;
}

/**
 * Asks a venue for each of the orders, a few at a time.
 * @throws VenueUnreachable when one of the questions goes unanswered
 */
export async function resolveEach<Order extends SoughtOrder>(
  venue: Venue,
  orders: readonly Order[],
): Promise<ResolvedOrder<Order>[]> {
  const resolved: ResolvedOrder<Order>[] = [];
  const waiting = [...orders];
  const ask = async (): Promise<void> => {
    for (let order = waiting.shift(); order !== undefined; order = waiting.shift()) {
      resolved.push({ order, found: await venue.resolve(order.dedupeKey, order.market, order.createdAt) });
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, orders.length) }, ask));
  return resolved;
}
