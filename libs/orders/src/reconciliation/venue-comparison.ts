import { setTimeout as delay } from 'node:timers/promises';
import { Transactions } from '@interlock/persistence';
import { isNotFoundFinal, type Venue } from '@interlock/venues';
import { Injectable } from '@nestjs/common';
import { compareCash, compareOrders, comparePositions, missing, type Traded, type VenueSide } from './compare-sides.js';
import { type ComparedItem, type Comparison, isDifferent, signOf } from './comparison.js';
import { type BookedUpTo, type LedgerSideOrder, positionKey, readBookedUpTo, readLedgerSide } from './ledger-side.js';
import { resolveEach } from './questions.js';

/** How often a comparison is begun anew when trading went on meanwhile. */
const TRIES = 5;
/** Between them, in milliseconds: the desk needs a moment to book what was traded. */
const PAUSE_MS = 250;

/** The books cannot be compared with the venue now; the message says why, for people. */
export class CannotCompare extends Error {
  constructor(venue: string, why: string) {
    super(`${venue}: ${why}`);
    this.name = 'CannotCompare';
  }
}

/**
 * Compares the ledger with what a venue says: cash, positions, working orders (safety.md, O5). Changes nothing on either side.
 *
 * The venue cannot be read in one piece. But cash and positions change by fills and settlements only, and the venue numbers these:
 * when it tells of none beyond what was booked before it was read, then whatever was read belongs together. Otherwise the comparison
 * is made anew. What differs is looked at twice, the venue's read lag apart, and only what differs both times in the same way is told.
 */
@Injectable()
export class VenueComparison {
  constructor(private readonly transactions: Transactions) {}

  /**
   * @throws VenueUnreachable
   * @throws CannotCompare when the ledger has no such account
   */
  async compare(venue: Venue): Promise<Comparison> {
    const first = await this.compareQuietly(venue);
    if (first.differences.length === 0) return first;
    await delay(venue.capabilities().readLagMs);
    const second = await this.compareQuietly(venue);
    const before = new Set(first.differences.map(signOf));
    return { ...second, differences: second.differences.filter((item) => before.has(signOf(item))) };
  }

  private async compareQuietly(venue: Venue): Promise<Comparison> {
    for (let tries = 1; ; tries++) {
      const comparison = await this.compareOnce(venue);
      if (comparison.isComplete || tries === TRIES) return comparison;
      await delay(PAUSE_MS);
    }
  }

  private async compareOnce(venue: Venue): Promise<Comparison> {
    const of = { venue: venue.name, account: venue.account };
    const bookedUpTo = await this.transactions.run((tx) => readBookedUpTo(tx, of));
    const [orders, positions, balances] = await Promise.all([
      venue.listOpenOrders(),
      venue.getPositions(),
      venue.getBalances(),
    ]);
    const theirs: VenueSide = { orders, positions, balances };
    const keys = orders.flatMap(({ dedupeKey }) => dedupeKey ?? []);
    const ours = await this.transactions.run((tx) => readLedgerSide(tx, of, keys));
    if (ours === undefined) throw new CannotCompare(venue.name, 'the ledger has no account there yet');
    // Last, so that it tells of everything that can be in what was read before.
    const traded = await tradedSince(venue, bookedUpTo);

    const compared = compareOrders(ours, theirs, traded);
    const untraded = comparePositions(ours, theirs).filter(({ key }) => !traded.position(key));
    const items = [
      ...(traded.anything ? [] : [compareCash(venue.account, ours, theirs)]),
      ...untraded,
      ...compared.items,
      ...(await missingOrders(venue, compared.unlisted)),
    ];
    return {
      ...of,
      items,
      differences: items.filter(isDifferent),
      inFlight: compared.inFlight,
      isComplete: !traded.anything,
      reserved: { ledger: ours.reserved, venue: balances.reserved },
    };
  }
}

/** What the venue tells of beyond what is booked. */
async function tradedSince(venue: Venue, bookedUpTo: BookedUpTo): Promise<Traded> {
  const [fills, settlements] = await Promise.all([
    venue.listFills(bookedUpTo.fills),
    venue.listSettlements(bookedUpTo.settlements),
  ]);
  // More than a page behind: what is on the other pages may be anything.
  if (fills.hasMore || settlements.hasMore) return { anything: true, position: () => true, order: () => true };
  const outcomes = new Set(fills.fills.map(positionKey));
  const keys = new Set(fills.fills.map(({ dedupeKey }) => dedupeKey));
  const settled = settlements.settlements.map(({ market }) => market);
  return {
    anything: outcomes.size > 0 || settled.length > 0,
    position: (key) => outcomes.has(key) || settled.some((market) => key.startsWith(`${market} `)),
    order: (dedupeKey) => keys.has(dedupeKey),
  };
}

/** Asks the venue for each: one that has ended meanwhile, or shows up after all, is not missing. */
async function missingOrders(venue: Venue, unlisted: readonly LedgerSideOrder[]): Promise<ComparedItem[]> {
  const sent = unlisted.flatMap((order) =>
    order.dedupeKey === null ? [] : [{ ...order, dedupeKey: order.dedupeKey }],
  );
  const resolved = await resolveEach(venue, sent);
  const gone = resolved.filter(
    ({ order: { sendBy, readAt }, found }) =>
      found.kind === 'NOT_FOUND' && (sendBy === null || isNotFoundFinal(venue.capabilities(), sendBy, readAt)),
  );
  // Without a key it cannot have been sent, and yet counts as acknowledged.
  return [...unlisted.filter(({ dedupeKey }) => dedupeKey === null), ...gone.map(({ order }) => order)].map(missing);
}
