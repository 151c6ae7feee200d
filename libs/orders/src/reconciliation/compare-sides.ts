import { amount, amountText, plainAmount, ZERO } from '@interlock/persistence';
import type { VenueBalances, VenueOrder, VenuePosition } from '@interlock/venues';
import { isWorking } from '../order.js';
import type { ComparedItem } from './comparison.js';
import { type LedgerSide, type LedgerSideOrder, positionKey } from './ledger-side.js';

/** What the venue says of an account. */
export interface VenueSide {
  readonly orders: readonly VenueOrder[];
  readonly positions: readonly VenuePosition[];
  readonly balances: VenueBalances;
}

/** What was traded while both sides were read: of these nobody can say what they were at one instant. */
export interface Traded {
  readonly anything: boolean;
  /** Whether the position of this key was. */
  readonly position: (key: string) => boolean;
  /** Whether the order of this dedupe key was. */
  readonly order: (dedupeKey: string | null) => boolean;
}

export interface ComparedOrders {
  readonly items: readonly ComparedItem[];
  /** Orders that work at the venue by the ledger and that it does not list: it is to be asked for each. */
  readonly unlisted: readonly LedgerSideOrder[];
  readonly inFlight: number;
}

export function compareCash(account: string, ledger: LedgerSide, { balances }: VenueSide): ComparedItem {
  return compareAmounts('cash', account, ledger.cash, balances.cash);
}

export function comparePositions(ledger: LedgerSide, venue: VenueSide): ComparedItem[] {
  const held = new Map(venue.positions.map((position) => [positionKey(position), position.quantity]));
  const keys = [...new Set([...ledger.positions.keys(), ...held.keys()])].toSorted();
  return keys.map((key) => compareAmounts('position', key, ledger.positions.get(key), held.get(key)));
}

export function compareOrders(ledger: LedgerSide, venue: VenueSide, traded: Traded): ComparedOrders {
  const known = new Map(ledger.orders.flatMap((order) => (order.dedupeKey === null ? [] : [[order.dedupeKey, order]])));
  const items: ComparedItem[] = [];
  const listed = new Set<string>();
  for (const theirs of venue.orders) {
    const ours = theirs.dedupeKey === null ? undefined : known.get(theirs.dedupeKey);
    if (ours === undefined) {
      items.push({ ...orderItem('foreign-order', theirs.venueOrderId), venue: wordsOf(theirs) });
      continue;
    }
    listed.add(ours.id);
    if (!isInFlight(ours) && !traded.order(theirs.dedupeKey)) items.push(compareOrder(ours, theirs));
  }
  const working = ledger.orders.filter(({ status }) => isWorking(status));
  const unlisted = working.filter(
    (order) => !isInFlight(order) && !listed.has(order.id) && !traded.order(order.dedupeKey),
  );
  return { items, unlisted, inFlight: working.filter(isInFlight).length };
}

/** The venue does not have an order that works by the ledger. */
export function missing(order: LedgerSideOrder): ComparedItem {
  return { ...orderItem('missing-order', order.id), ledger: wordsOf(order) };
}

/**
 * Whether it is being found out what became of an order: it was not sent, its answer has not come, or it has ended and its fills are
 * being booked. A cancel that is asked for before the venue has acknowledged the order leaves it so.
 */
function isInFlight({ status, hasEnded, venueOrderId }: LedgerSideOrder): boolean {
  if (hasEnded || status === 'ADMITTED' || status === 'SUBMITTED' || status === 'UNKNOWN') return true;
  return status === 'CANCEL_PENDING' && venueOrderId === null;
}

function compareOrder(ours: LedgerSideOrder, theirs: VenueOrder): ComparedItem {
  if (!isWorking(ours.status)) {
    return { ...orderItem('order', ours.id), ledger: ours.status, venue: wordsOf(theirs) };
  }
  const ledger = wordsOf(ours);
  const venue = wordsOf(theirs);
  const by = difference(ours.filledQuantity, theirs.filledQuantity);
  // Something else than what is filled differs: no tolerance covers that.
  const isComparable = wordsOf({ ...ours, filledQuantity: theirs.filledQuantity }) === venue;
  return { kind: 'order', key: ours.id, ledger, venue, by: isComparable ? by : null };
}

function wordsOf(order: Omit<VenueOrder, 'venueOrderId' | 'dedupeKey' | 'status' | 'reason' | 'createdAt'>): string {
  const { side, quantity, market, outcome, price, filledQuantity } = order;
  const limit = price === null ? 'any price' : plainAmount(price);
  return `${side} ${plainAmount(quantity)} ${market} ${outcome} at ${limit}, filled ${plainAmount(filledQuantity)}`;
}

function orderItem(kind: 'order' | 'missing-order' | 'foreign-order', key: string): ComparedItem {
  return { kind, key, ledger: null, venue: null, by: null };
}

function compareAmounts(
  kind: 'cash' | 'position',
  key: string,
  ledger: string | undefined,
  venue: string | undefined,
): ComparedItem {
  const shown = (text: string | undefined) => (text === undefined ? null : plainAmount(text));
  return { kind, key, ledger: shown(ledger), venue: shown(venue), by: difference(ledger, venue) };
}

function difference(a: string | undefined, b: string | undefined): string {
  const of = (text: string | undefined) => (text === undefined ? ZERO : amount(text));
  return amountText(of(a).minus(of(b)).abs());
}
