import { compare, type Decimal, formatDecimal, subtract } from './decimal.js';
import { cashNeeded, type OrderIntent } from './order-intent.js';
import type { GuardRefusal } from './refusal.js';

/** The best prices of own working orders in an outcome. `any` is an order without a price, which any other reaches. */
export interface OwnOrders {
  readonly highestBuy: Decimal | 'any' | null;
  readonly lowestSell: Decimal | 'any' | null;
}

/** Shares that may be sold: held, minus what working sales promise already. */
export interface Holding {
  readonly held: Decimal;
  readonly promised: Decimal;
}

/**
 * No short positions: a sale needs its shares, whatever it says of itself. An order that must only reduce may be no purchase.
 * (orders.md, "Ledger arithmetic".)
 */
export function holding(intent: OrderIntent, { held, promised }: Holding): GuardRefusal | undefined {
  const { side, quantity, reduceOnly, strategy, outcome } = intent;
  if (side === 'BUY' && !reduceOnly) return undefined;
  const free = subtract(held, promised);
  if (side === 'SELL' && compare(quantity, free) <= 0) return undefined;
  const numbers = { current: formatDecimal(quantity), limit: side === 'BUY' ? '0' : formatDecimal(free) };
  const scope = `strategy:${strategy}`;
  if (reduceOnly) {
    const message =
      side === 'BUY'
        ? 'a purchase never makes a position smaller'
        : `only ${numbers.limit} shares of ${outcome} are held and not promised to working sales`;
    return { code: 'REDUCE_ONLY_VIOLATION', message, details: { rule: 'reduceOnly', scope, ...numbers } };
  }
  const message = `${numbers.current} shares are to be sold and ${numbers.limit} of ${outcome} are held and not promised to working sales`;
  return { code: 'INSUFFICIENT_POSITION', message, details: { rule: 'holding', scope, ...numbers } };
}

/** A purchase needs its value and the highest fee in cash that no working order holds. */
export function cash(intent: OrderIntent, free: Decimal): GuardRefusal | undefined {
  const needed = cashNeeded(intent);
  if (intent.side === 'SELL' || compare(needed, free) <= 0) return undefined;
  const numbers = { current: formatDecimal(needed), limit: formatDecimal(free) };
  const message = `the order needs up to ${numbers.current} with its fee, and ${numbers.limit} are free`;
  const scope = `venue:${intent.venue}`;
  return { code: 'INSUFFICIENT_CASH', message, details: { rule: 'cash', scope, ...numbers } };
}

/** An order must not reach a working one of the same account on the other side. */
export function selfMatch({ side, price, market, outcome }: OrderIntent, own: OwnOrders): GuardRefusal | undefined {
  const other = side === 'BUY' ? own.lowestSell : own.highestBuy;
  if (other === null) return undefined;
  const reaches =
    price === null || other === 'any' || (side === 'BUY' ? compare(price, other) >= 0 : compare(price, other) <= 0);
  if (!reaches) return undefined;
  const limit = other === 'any' ? 'any price' : formatDecimal(other);
  const current = price === null ? 'any price' : formatDecimal(price);
  const message = `the order at ${current} would meet a working order of the same account at ${limit}`;
  const scope = `market:${market}`;
  return {
    code: 'SELF_MATCH',
    message: `${message} (${outcome})`,
    details: { rule: 'selfMatch', scope, current, limit },
  };
}
