import { type Amount, amount, decimalOf, ONE, ZERO } from '@interlock/persistence';
import type { FeeSchedule, MarketStatus } from '../port/venue.types.js';
import type { MarketRules } from './exchange.types.js';
import { type Book, bookOf, isCrossed, type Level } from './matching/book.js';

/** What is wrong, by field; the name of a nested field is its path. */
export type FieldErrors = Record<string, string[]>;

/** Decimal text or a JSON number. */
export type AmountInput = string | number;

const LARGEST = amount('1000000000000');
const ID = /^[\x21-\x7e]{1,128}$/;

/** An id of a market or outcome. */
export function isMarketId(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value);
}

/** An amount as requests may send it: from 0 to 1e12 with at most 8 decimals. Null for anything else. */
export function parseAmount(value: unknown): Amount | null {
  const isPlain = typeof value === 'string' ? /^\d{1,40}(\.\d{1,40})?$/.test(value) : Number.isFinite(value);
  if (!isPlain) return null;
  const parsed = decimalOf(value as AmountInput);
  return parsed.gte(ZERO) && parsed.lte(LARGEST) && parsed.decimalPlaces() <= 8 ? parsed : null;
}

/** As `parseAmount`, from -1e12 to 1e12. */
export function parseSignedAmount(value: unknown): Amount | null {
  if (typeof value === 'number') return value < 0 ? (parseAmount(-value)?.neg() ?? null) : parseAmount(value);
  if (typeof value !== 'string' || !value.startsWith('-')) return parseAmount(value);
  return parseAmount(value.slice(1))?.neg() ?? null;
}

export interface ListingRequest {
  readonly outcomes: unknown;
  readonly rules: FeeSchedule['rules'];
  readonly feeRate: unknown;
  readonly feeExponent: unknown;
  readonly tick: unknown;
  readonly minQuantity: unknown;
  readonly status: MarketStatus;
  readonly closesAt: Date | null;
  readonly books: unknown;
}

export interface Listing {
  readonly rules: MarketRules;
  readonly books: ReadonlyMap<string, Book>;
}

const PRICE = 'must lie between 0 and 1, with at most 8 decimals';
const QUANTITY = 'must be greater than 0 and at most 1e12, with at most 8 decimals';

/** Collects what is wrong with a request. */
export class Faults {
  readonly fieldErrors: FieldErrors = {};

  add(field: string, message: string): void {
    this.fieldErrors[field] = [...(this.fieldErrors[field] ?? []), message];
  }

  get any(): boolean {
    return Object.keys(this.fieldErrors).length > 0;
  }

  price(field: string, value: unknown): Amount {
    return this.amountWhere(field, value, (given) => given.gt(ZERO) && given.lt(ONE), PRICE);
  }

  quantity(field: string, value: unknown): Amount {
    return this.amountWhere(field, value, (given) => given.gt(ZERO), QUANTITY);
  }

  upTo(field: string, value: unknown, most: number): Amount {
    const allowed = `must be from 0 to ${most}, with at most 8 decimals`;
    return this.amountWhere(field, value, (given) => given.lte(most), allowed);
  }

  private amountWhere(field: string, value: unknown, test: (given: Amount) => boolean, allowed: string): Amount {
    const parsed = parseAmount(value);
    if (parsed !== null && test(parsed)) return parsed;
    this.add(field, allowed);
    return ZERO;
  }
}

/** The market that a request describes, or what is wrong with it. */
export function listingOf(market: string, request: ListingRequest): Listing | { readonly fieldErrors: FieldErrors } {
  const faults = new Faults();
  if (!isMarketId(market)) faults.add('market', 'must be 1 to 128 visible ASCII characters');
  const outcomes = outcomesIn(request.outcomes, faults);
  const rules: MarketRules = {
    market,
    outcomes,
    fees: {
      rules: request.rules,
      feeRate: faults.upTo('feeRate', request.feeRate, 1).toFixed(),
      feeExponent: faults.upTo('feeExponent', request.feeExponent, 10).toNumber(),
    },
    tick: faults.price('tick', request.tick),
    minimumQuantity: faults.quantity('minQuantity', request.minQuantity),
    status: request.status,
    closesAt: request.closesAt,
  };
  // Without outcomes every book would be one too many.
  const books = outcomes.length === 0 ? new Map<string, Book>() : booksIn(request.books, outcomes, faults);
  return faults.any ? { fieldErrors: faults.fieldErrors } : { rules, books };
}

/** Payouts by outcome. Whether they are those of the market is for the market to say. */
export function payoutsIn(value: unknown, faults: Faults): Map<string, Amount> {
  const entries = isRecord(value) ? Object.entries(value) : [];
  if (entries.length === 0) faults.add('payouts', 'must say what each outcome pays');
  return new Map(entries.map(([outcome, payout]) => [outcome, faults.upTo(`payouts.${outcome}`, payout, 1)]));
}

function outcomesIn(value: unknown, faults: Faults): string[] {
  const given: unknown[] = Array.isArray(value) ? value : [];
  const outcomes = given.filter(isMarketId);
  const isFine =
    outcomes.length > 0 &&
    outcomes.length <= 64 &&
    outcomes.length === given.length &&
    new Set(outcomes).size === given.length;
  if (!isFine) faults.add('outcomes', 'must be 1 to 64 different ids of 1 to 128 visible ASCII characters');
  return outcomes;
}

function booksIn(value: unknown, outcomes: readonly string[], faults: Faults): Map<string, Book> {
  const books = new Map<string, Book>();
  if (!isRecord(value)) {
    faults.add('books', 'must be an object with a book for each outcome');
    return books;
  }
  for (const [outcome, given] of Object.entries(value)) {
    const field = `books.${outcome}`;
    if (!outcomes.includes(outcome)) {
      faults.add(field, 'is no outcome of the market');
      continue;
    }
    if (!isRecord(given) || Object.keys(given).some((name) => name !== 'bids' && name !== 'asks')) {
      faults.add(field, 'must be an object with bids and asks');
      continue;
    }
    const book = bookOf(
      levelsIn(given['bids'], `${field}.bids`, faults),
      levelsIn(given['asks'], `${field}.asks`, faults),
    );
    if (isCrossed(book)) faults.add(field, 'is crossed: its best bid is not below its best ask');
    books.set(outcome, book);
  }
  return books;
}

function levelsIn(value: unknown, field: string, faults: Faults): Level[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    faults.add(field, 'must be a list of [price, quantity]');
    return [];
  }
  return value.flatMap((level: unknown, index) => {
    if (!Array.isArray(level) || level.length !== 2) {
      faults.add(`${field}.${index}`, 'must be [price, quantity]');
      return [];
    }
    const [price, quantity] = level as unknown[];
    return [
      { price: faults.price(`${field}.${index}.0`, price), quantity: faults.quantity(`${field}.${index}.1`, quantity) },
    ];
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
