import { add, type Decimal, decimal, roundedUp, times } from './decimal.js';

/** An order that asks to be admitted, as the rules look at it. */
export interface OrderIntent {
  readonly strategy: string;
  readonly mode: 'mock' | 'paper' | 'live';
  readonly venue: string;
  readonly account: string;
  readonly market: string;
  readonly outcome: string;
  readonly side: 'BUY' | 'SELL';
  readonly type: 'limit' | 'market';
  /** Per share, in (0, 1); null for a market order without a worst price. */
  readonly price: Decimal | null;
  /** Shares, above 0. */
  readonly quantity: Decimal;
  readonly reduceOnly: boolean;
  /** The most that the whole order can be charged, in units of collateral. */
  readonly highestFee: Decimal;
}

/** An order before its market's fees are known. */
export type UnpricedIntent = Omit<OrderIntent, 'highestFee'>;

const ONE = decimal('1');

/**
 * Shares at the limit price; a market order without a worst price counts at 1. In units of collateral, with at most 8 decimals: rounded up, as
 * what is reserved is, or a batch would take less than it reserves.
 */
export function valueOf({ quantity, price }: Pick<OrderIntent, 'quantity' | 'price'>): Decimal {
  return roundedUp(times(quantity, price ?? ONE));
}

/** What a purchase needs in cash; a sale needs none. */
export function cashNeeded(intent: OrderIntent): Decimal {
  return intent.side === 'BUY' ? add(valueOf(intent), intent.highestFee) : decimal('0');
}
