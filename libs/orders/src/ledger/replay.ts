import { type Amount, ZERO } from '@interlock/persistence';
import { type PositionKey, textOf } from './entries.js';
import { book, FLAT, type Position, positionOf, type Trade } from './position.js';
import { adjustmentOf, type Posting, postingOf } from './posting.js';

/** A posting of the journal with the trade that it books, in the order of booking. */
export interface JournalEntry extends PositionKey {
  readonly number: string;
  readonly kind: 'DEPOSIT' | 'FILL' | 'SETTLEMENT' | 'VOID';
  readonly mode: string;
  readonly fillId: string | null;
  /** Null for a deposit. */
  readonly trade: Trade | null;
  readonly posting: Posting;
}

/** Something that two sides of the books say differently. */
export interface LedgerDifference {
  /** What is compared, such as "position alpha paper default m1 YES, quantity". */
  readonly what: string;
  readonly journal: string;
  readonly stored: string;
}

/** Most differences that are told; all are counted. */
export const MOST_DIFFERENCES_TOLD = 20;

/**
 * Replays a journal from nothing: each posting is computed anew from its trade and compared with what is stored, and what they add up
 * to is what positions, exposures, days and cash must say (safety.md, O4).
 */
export class Replay {
  readonly positions = new Map<string, PositionKey & { mode: string; position: Position }>();
  readonly cash = new Map<string, Amount>();
  readonly differences: LedgerDifference[] = [];
  differenceCount = 0;
  postings = 0;
  private readonly trades = new Map<string, { fillId: string; trade: Trade }[]>();

  /** @param voided positions that have voided fills, by key: of these the trades are kept, to be replayed */
  constructor(private readonly voided: ReadonlySet<string>) {}

  apply(entry: JournalEntry): void {
    this.postings++;
    const account = `${entry.venue} ${entry.account}`;
    this.cash.set(account, (this.cash.get(account) ?? ZERO).plus(entry.posting.cash));
    if (entry.kind === 'DEPOSIT' || entry.trade === null || entry.fillId === null) return;

    const key = textOf(entry);
    const before = this.positions.get(key)?.position ?? FLAT;
    const { position, posting } =
      entry.kind === 'VOID' ? this.withoutTrade(key, entry.fillId, before) : this.withTrade(key, entry, before);
    const { strategy, venue, account: name, market, outcome, mode } = entry;
    this.positions.set(key, { strategy, venue, account: name, market, outcome, mode, position });
    for (const part of ['shares', 'cash', 'cost', 'realized', 'fees', 'capital'] as const) {
      this.compare(`posting ${entry.number}, ${part}`, posting[part], entry.posting[part]);
    }
  }

  compare(what: string, journal: Amount, stored: Amount): void {
    if (journal.eq(stored)) return;
    this.differenceCount++;
    if (this.differences.length < MOST_DIFFERENCES_TOLD) {
      this.differences.push({ what, journal: journal.toFixed(), stored: stored.toFixed() });
    }
  }

  private withTrade(key: string, { trade, fillId }: JournalEntry, before: Position) {
    if (trade === null || fillId === null) throw new Error('a posting of a fill has a trade');
    if (this.voided.has(key)) this.tradesOf(key).push({ fillId, trade });
    const booked = book(before, trade);
    return { position: booked.position, posting: postingOf(trade, booked) };
  }

  private tradesOf(key: string): { fillId: string; trade: Trade }[] {
    const trades = this.trades.get(key) ?? [];
    this.trades.set(key, trades);
    return trades;
  }

  private withoutTrade(key: string, fillId: string, before: Position) {
    const left = this.tradesOf(key).filter((known) => known.fillId !== fillId);
    this.trades.set(key, left);
    const position = positionOf(left.map(({ trade }) => trade));
    return { position, posting: adjustmentOf(before, position) };
  }
}
