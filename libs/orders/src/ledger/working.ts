import { type Amount, ONE, roundedUp, ZERO } from '@interlock/persistence';
import { isWorking, type OrderStatus, type Side } from '../order.js';

/** As much of an order as says what it reserves. */
export interface ReservingOrder {
  readonly side: Side;
  readonly status: OrderStatus;
  /** Null for a market order without a worst price. */
  readonly price: Amount | null;
  readonly quantity: Amount;
  readonly filledQuantity: Amount;
  /** The highest fee that the whole quantity can cost. */
  readonly feeReserve: Amount;
}

/** What an order keeps from others while it works. `cost` and `cash` in units of collateral. */
export interface Reserved {
  /** Shares still to be bought. */
  readonly buy: Amount;
  /** Shares still to be sold: promised, so that no other sale may count on them. */
  readonly sell: Amount;
  /** Of buys: shares at the limit price, a market order without one at 1. What the position guards count. */
  readonly cost: Amount;
  /** Of buys: their cost and the highest fee that may come with it. */
  readonly cash: Amount;
  /** 1 while it works. */
  readonly orders: number;
}

export const NOTHING_RESERVED: Reserved = { buy: ZERO, sell: ZERO, cost: ZERO, cash: ZERO, orders: 0 };

/**
 * A function of the order as it stands, never a sum that is kept: what an order adds when it is admitted is what its changes take
 * away again, to the last digit.
 */
export function reservedBy(order: ReservingOrder): Reserved {
  if (!isWorking(order.status)) return NOTHING_RESERVED;
  const left = order.quantity.minus(order.filledQuantity);
  if (order.side === 'SELL') return { ...NOTHING_RESERVED, sell: left, orders: 1 };
  const cost = roundedUp(left.times(order.price ?? ONE));
  // Nothing is filled yet of most orders; a division costs more than all the rest.
  const fee = left.eq(order.quantity) ? order.feeReserve : roundedUp(order.feeReserve.times(left).div(order.quantity));
  return { buy: left, sell: ZERO, cost, cash: cost.plus(fee), orders: 1 };
}

export function minus(a: Reserved, b: Reserved): Reserved {
  return {
    buy: a.buy.minus(b.buy),
    sell: a.sell.minus(b.sell),
    cost: a.cost.minus(b.cost),
    cash: a.cash.minus(b.cash),
    orders: a.orders - b.orders,
  };
}
