import { Decimal } from 'decimal.js';

/** Decimals of every amount of money, price or quantity: those of the database's domain `amount`. */
const DECIMALS = 8;

// Wide enough that neither a product of two amounts nor a quotient of a product is cut before it is rounded on purpose.
const Exact = Decimal.clone({ precision: 100, rounding: Decimal.ROUND_HALF_EVEN, toExpNeg: -200, toExpPos: 200 });

// A root has no end: every digit of it costs, and these are far more than any amount has.
const Rooted = Exact.clone({ precision: 60 });

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

/**
 * The decimal that a caller or a venue gives, of any size: text, also with an exponent, or a number that is meant as its shortest
 * notation. What comes from the database is read by `amount`, which takes nothing else for an amount.
 * @throws Error for what is no number
 */
export function decimalOf(value: string | number): Amount {
  return new Exact(value);
}

/** To 8 decimals, ties to the even neighbour: the rounding of the ledger. */
export function roundedHalfEven(value: Amount): Amount {
  return value.toDecimalPlaces(DECIMALS, Decimal.ROUND_HALF_EVEN);
}

/** Away from zero: for what is reserved, which must never be less than what may be owed. */
export function roundedUp(value: Amount, decimals = DECIMALS): Amount {
  return value.toDecimalPlaces(decimals, Decimal.ROUND_UP);
}

/** Towards zero. */
export function roundedDown(value: Amount, decimals: number): Amount {
  return value.toDecimalPlaces(decimals, Decimal.ROUND_DOWN);
}

/** What is paid for `quantity` shares at `price`: rounded once per fill, by the ledger as by venues. */
export function notionalOf(price: Amount, quantity: Amount): Amount {
  return roundedHalfEven(price.times(quantity));
}

/** To 60 significant digits, unless it is exact. */
export function power(base: Amount, exponent: number): Amount {
  return new Rooted(base).pow(exponent);
}

export function smaller(a: Amount, b: Amount): Amount {
  return a.lte(b) ? a : b;
}

/** Plain notation without trailing zeros, such as "0.5". */
export function amountText(value: Amount): string {
  return value.isZero() ? '0' : value.toFixed();
}

/** Most are: reading them would only write them again. */
const ALREADY_PLAIN = /^(0|[1-9]\d{0,50})(\.\d{0,7}[1-9])?$/;

/** A `numeric` of the database as it is shown: without trailing zeros. */
export function plainAmount(text: string): string {
  return ALREADY_PLAIN.test(text) ? text : amountText(amount(text));
}
