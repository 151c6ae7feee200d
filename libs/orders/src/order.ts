import type { Mode } from '@interlock/kill-switch';

export const ORDER_STATUSES = [
  'ADMITTED',
  'SUBMITTED',
  'OPEN',
  'PARTIALLY_FILLED',
  'FILLED',
  'CANCEL_PENDING',
  'CANCELED',
  'REJECTED',
  'EXPIRED',
  'UNKNOWN',
] as const;
/** `ADMITTED`: stored and not sent. `UNKNOWN`: sent, and the venue's answer never came or could not be read. */
export type OrderStatus = (typeof ORDER_STATUSES)[number];

/**
 * The only changes of status that there are (safety.md, O3).
 *
 * An ADMITTED order was never sent, so only a sender makes it SUBMITTED and anybody else can but end it. Once sent, only the venue
 * ends it: a cancel that was asked for is pending until the venue confirms it, and goes back to what it was when the venue refuses.
 */
const TRANSITIONS: Record<OrderStatus, readonly OrderStatus[]> = {
  ADMITTED: ['SUBMITTED', 'CANCELED', 'EXPIRED', 'REJECTED'],
  SUBMITTED: ['OPEN', 'PARTIALLY_FILLED', 'FILLED', 'CANCEL_PENDING', 'CANCELED', 'REJECTED', 'EXPIRED', 'UNKNOWN'],
  OPEN: ['PARTIALLY_FILLED', 'FILLED', 'CANCEL_PENDING', 'CANCELED', 'EXPIRED', 'UNKNOWN'],
  PARTIALLY_FILLED: ['PARTIALLY_FILLED', 'FILLED', 'CANCEL_PENDING', 'CANCELED', 'EXPIRED', 'UNKNOWN'],
  CANCEL_PENDING: [
    'CANCEL_PENDING',
    'OPEN',
    'PARTIALLY_FILLED',
    'FILLED',
    'CANCELED',
    'REJECTED',
    'EXPIRED',
    'UNKNOWN',
  ],
  UNKNOWN: ['OPEN', 'PARTIALLY_FILLED', 'FILLED', 'CANCEL_PENDING', 'CANCELED', 'REJECTED', 'EXPIRED'],
  FILLED: [],
  CANCELED: [],
  REJECTED: [],
  EXPIRED: [],
};

/** Every order that is not final works: what it may still do stays reserved, UNKNOWN ones included (safety.md, O2). */
export const WORKING_STATUSES = ORDER_STATUSES.filter((status) => TRANSITIONS[status].length > 0);

export function orderCanBecome(from: OrderStatus, to: OrderStatus): boolean {
  return TRANSITIONS[from].includes(to);
}

/** True while the order may still trade, or nobody knows that it cannot. */
export function isWorking(status: OrderStatus): boolean {
  return TRANSITIONS[status].length > 0;
}

/**
 * The status after a fill. A fill of a final order is booked all the same, since the shares are there, but changes no status: the
 * caller tells people.
 * @param filledWhole nothing of the quantity is left
 */
export function statusAfterFill(status: OrderStatus, filledWhole: boolean): OrderStatus {
  if (!isWorking(status)) return status;
  if (filledWhole) return 'FILLED';
  return status === 'CANCEL_PENDING' ? status : 'PARTIALLY_FILLED';
}

export type Side = 'BUY' | 'SELL';
export type OrderType = 'limit' | 'market';
export type TimeInForce = 'GTC' | 'GTD' | 'IOC' | 'FOK';

/** What an order was asked to be; never changes. Prices per share in (0, 1) and shares are decimal text. */
export interface OrderParams {
  readonly strategy: string;
  readonly mode: Mode;
  readonly venue: string;
  readonly market: string;
  readonly outcome: string;
  readonly side: Side;
  readonly type: OrderType;
  /** Null for a market order without a worst price. */
  readonly price: string | null;
  readonly quantity: string;
  readonly timeInForce: TimeInForce;
  /** Only with GTD. */
  readonly expiresAt: Date | null;
  readonly postOnly: boolean;
  readonly reduceOnly: boolean;
}
