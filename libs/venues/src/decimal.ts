import { Decimal } from 'decimal.js';
import type { DecimalText } from './port/venue.types.js';

/**
 * Enough digits that sums and products of amounts are exact: 20 digits before the point and 8 behind it, squared. Rounds half to
 * even where it rounds at all.
 */
const Exact = Decimal.clone({ precision: 60, rounding: Decimal.ROUND_HALF_EVEN, defaults: true });

export type Amount = Decimal;

export const ZERO: Amount = new Exact(0);
export const ONE: Amount = new Exact(1);

/** @param value decimal text, or a number that was meant as its shortest notation */
export function amount(value: DecimalText | number): Amount {
  return new Exact(value);
}

/** Plain notation without trailing zeros. */
export function textOf(value: Amount): DecimalText {
  return value.isZero() ? '0' : value.toFixed();
}

export function smaller(a: Amount, b: Amount): Amount {
  return a.lte(b) ? a : b;
}

/** Decimals of money, prices and quantities everywhere. */
const SCALE = 8;

/** What is paid for `quantity` shares at `price`: rounded half-even to 8 decimals, once per fill, as the ledger does. */
export function notionalOf(price: Amount, quantity: Amount): Amount {
  return price.times(quantity).toDecimalPlaces(SCALE, Decimal.ROUND_HALF_EVEN);
}

/** The least amount of 8 decimals that is not below `value`. */
export function roundedUp(value: Amount): Amount {
  return value.toDecimalPlaces(SCALE, Decimal.ROUND_UP);
}
