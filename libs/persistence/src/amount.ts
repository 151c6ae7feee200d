import { Decimal } from 'decimal.js';

/** Decimals of every amount of money, price or quantity: those of the database's domain `amount`. */
const DECIMALS = 8;

// Wide enough that neither a product of two amounts nor a quotient of a product is cut before it is rounded on purpose.
const Exact = Decimal.clone({ precision: 100, rounding: Decimal.ROUND_HALF_EVEN, toExpNeg: -200, toExpPos: 200 });

/** An exact decimal: money in units of collateral, a price per share or a number of shares. Never a float. */
export type Amount = Decimal;

export const ZERO: Amount = new Exact(0);
export const ONE: Amount = new Exact(1);

/**
 * Reads an amount as PostgreSQL's `numeric` writes it.
 * @throws RangeError for what is no plain decimal number or has more than 8 decimals
 */
export function amount(text: string): Amount {
  const value = /^-?\d{1,60}(\.\d{1,60})?$/.test(text) ? new Exact(text) : undefined;
  if (value === undefined || value.decimalPlaces() > DECIMALS) {
    throw new RangeError(`not an amount with at most ${DECIMALS} decimals: ${text.slice(0, 60)}`);
  }
  return value;
}

/** To 8 decimals, ties to the even neighbour: the rounding of the ledger. */
export function roundedHalfEven(value: Amount): Amount {
  return value.toDecimalPlaces(DECIMALS, Decimal.ROUND_HALF_EVEN);
}

/** To 8 decimals, away from zero: for what is reserved, which must never be less than what may be owed. */
export function roundedUp(value: Amount): Amount {
  return value.toDecimalPlaces(DECIMALS, Decimal.ROUND_UP);
}

/** Plain notation without trailing zeros, such as "0.5". */
export function amountText(value: Amount): string {
  return value.isZero() ? '0' : value.toFixed();
}

/** A `numeric` of the database as it is shown: without trailing zeros. */
export function plainAmount(text: string): string {
  return amountText(amount(text));
}
