import { plainAmount } from '@interlock/persistence';
import type { OrderParams, OrderStatus } from './order.js';
import type { OrderEntity } from './order.entity.js';
import type { NewOrder } from './orders.repository.js';

/** An order as it is shown. Amounts are plain decimal text, times ISO 8601 UTC. */
export interface OrderView extends Omit<OrderParams, 'expiresAt'> {
  readonly orderId: string;
  readonly clientOrderId: string | null;
  readonly runId: string | null;
  readonly filledQuantity: string;
  /** Null before the first fill. */
  readonly averagePrice: string | null;
  readonly expiresAt: string | null;
  readonly status: OrderStatus;
  /** Why it is in this status, where that needs saying. */
  readonly reason: string | null;
  readonly venueOrderId: string | null;
  /** Rises with every change. */
  readonly version: number;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export function orderViewOf(order: OrderEntity): OrderView {
  const { id, clientOrderId, runId, strategy, mode, venue, market, outcome, side, type, timeInForce } = order;
  const { postOnly, reduceOnly, status, reason, venueOrderId, version } = order;
  return {
    orderId: id,
    clientOrderId,
    runId,
    strategy,
    mode,
    venue,
    market,
    outcome,
    side,
    type,
    price: order.price === null ? null : plainAmount(order.price),
    quantity: plainAmount(order.quantity),
    filledQuantity: plainAmount(order.filledQuantity),
    averagePrice: order.averagePrice === null ? null : plainAmount(order.averagePrice),
    timeInForce,
    expiresAt: order.expiresAt?.toISOString() ?? null,
    postOnly,
    reduceOnly,
    status,
    reason,
    venueOrderId,
    version,
    createdAt: order.createdAt.toISOString(),
    updatedAt: order.updatedAt.toISOString(),
  };
}

/** An order that has just been admitted. @param createdAt ISO 8601 */
export function newOrderView({ id, params, clientOrderId, runId }: NewOrder, createdAt: string): OrderView {
  const { strategy, mode, venue, market, outcome, side, type, timeInForce, postOnly, reduceOnly } = params;
  return {
    orderId: id,
    clientOrderId,
    runId,
    strategy,
    mode,
    venue,
    market,
    outcome,
    side,
    type,
    price: params.price === null ? null : plainAmount(params.price),
    quantity: plainAmount(params.quantity),
    filledQuantity: '0',
    averagePrice: null,
    timeInForce,
    expiresAt: params.expiresAt?.toISOString() ?? null,
    postOnly,
    reduceOnly,
    status: 'ADMITTED',
    reason: null,
    venueOrderId: null,
    version: 1,
    createdAt,
    updatedAt: createdAt,
  };
}
