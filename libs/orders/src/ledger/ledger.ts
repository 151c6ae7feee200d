import { type Amount, amount, newId, type Transaction, ZERO } from '@interlock/persistence';
import { RiskDays } from '@interlock/risk-guards';
import { Injectable } from '@nestjs/common';
import { isWorking, orderCanBecome, type OrderStatus } from '../order.js';
import { AccountRows, type InsertedPosting } from './account-rows.js';
import { Books, keyOf, type LateFill, type NewFill, reservationChange, reservationOf, resultTexts } from './books.js';
import { type FillRow, type LedgerOrder, type PostingRow, type SumChange, textOf } from './entries.js';
import { JournalRows } from './journal-rows.js';
import { LedgerRows } from './ledger-rows.js';
import { countLosingStreaks } from './losing-streaks.js';
import { book, positionOf, SettledOutcome } from './position.js';
import { adjustmentOf, depositOf, postingOf } from './posting.js';
import { NOTHING_RESERVED } from './working.js';

/** Where a market is settled or an account kept. */
export interface AccountKey {
  readonly venue: string;
  readonly account: string;
}

export interface BookedFills {
  /** Fills that were new. */
  readonly booked: number;
  /** Fills that were in the books already. */
  readonly repeated: number;
  readonly late: readonly LateFill[];
}

/** A change of an order's status that something else than a fill brings. */
export interface StatusChange {
  readonly orderId: string;
  readonly to: OrderStatus;
  /** Why, as it is shown; unchanged when absent, none when null. */
  readonly reason?: string | null;
  readonly venueOrderId?: string;
  /** Only from this version; absent: from whatever it is. */
  readonly version?: number;
}

export type StatusChanged =
  | { readonly kind: 'changed'; readonly order: LedgerOrder }
  /** Already so. */
  | { readonly kind: 'unchanged'; readonly order: LedgerOrder }
  /** Not an allowed transition (safety.md, O3), or the version is another by now. */
  | { readonly kind: 'blocked'; readonly order: LedgerOrder }
  | { readonly kind: 'missing' };

/**
 * The books: whatever changes orders' statuses and fills, positions, exposures, days, cash and the journal, in the caller's
 * transaction and in one piece (safety.md, O3, O4, O5).
 */
@Injectable()
export class Ledger {
  constructor(
    private readonly rows: LedgerRows,
    private readonly journal: JournalRows,
    private readonly accounts: AccountRows,
    private readonly days: RiskDays,
  ) {}

  /**
   * Books fills in this order. One that is in the books already changes nothing.
   * @throws Oversold, Overfilled when the venue's story cannot be booked; the caller rolls back and tells people
   */
  async bookFills(tx: Transaction, fills: readonly NewFill[]): Promise<BookedFills> {
    const orders = await this.rows.lockOrders(tx, [...new Set(fills.map(({ orderId }) => orderId))]);
    // After the lock, which every booking of these orders holds: no two can think that a fill is new.
    const known = await this.journal.knownTrades(tx, [...orders.keys()]);
    const fresh = fills.filter(({ orderId, venueTradeId }) => {
      const trade = `${orderId} ${venueTradeId}`;
      return !known.has(trade) && known.add(trade);
    });
    if (fresh.length === 0) return { booked: 0, repeated: fills.length, late: [] };
    const concerned = fresh.flatMap(({ orderId }) => orders.get(orderId) ?? []);
    const books = new Books(orders, await this.rows.lockPositions(tx, concerned.map(withMode)));
    for (const fill of fresh) books.apply(fill);
    await this.write(tx, books);
    return { booked: fresh.length, repeated: fills.length - fresh.length, late: books.late };
  }

  /**
   * Pays out a market: every position in it is closed as a sale at its outcome's payout, without fee. A position that is settled
   * already is left alone.
   * @param payouts per share, by outcome; an outcome that is not named pays nothing
   * @returns how many positions were closed
   */
  async bookSettlement(
    tx: Transaction,
    of: AccountKey & {
      market: string;
      payouts: Readonly<Record<string, string>>;
      settlementId: string;
      settledAt: Date;
    },
  ): Promise<number> {
    const held = await this.rows.lockHeld(tx, of);
    const books = new Books(new Map(), new Map());
    const outcomes = new Map<string, SettledOutcome>();
    for (const { mode, position, ...key } of held) {
      const price = amount(of.payouts[key.outcome] ?? '0');
      const outcome = outcomes.get(key.outcome) ?? new SettledOutcome(price);
      outcomes.set(key.outcome, outcome);
      const { quantity } = position;
      const trade = { side: 'SELL' as const, price, quantity, fee: ZERO, notional: outcome.pay(quantity) };
      const booked = book(position, trade);
      const fillId = newId();
      const { notional, realizedPnl } = booked;
      const told = { venueTradeId: of.settlementId, liquidity: 'SETTLEMENT', finality: 'FINAL' } as const;
      books.fills.push({
        ...key,
        ...told,
        mode,
        id: fillId,
        orderId: null,
        trade,
        notional,
        realizedPnl,
        executedAt: of.settledAt,
      } satisfies FillRow);
      const posting = postingOf(trade, booked);
      books.postings.push({ ...key, kind: 'SETTLEMENT', fillId, mode, posting });
      books.changedPositions.set(textOf(key), { ...key, position: booked.position });
      books.changes.push({
        ...key,
        mode,
        heldCost: booked.costChange,
        cash: posting.cash,
        reserved: NOTHING_RESERVED,
      });
    }
    if (held.length > 0) await this.write(tx, books);
    return held.length;
  }

  /**
   * Takes a fill out of the account: the position becomes what its remaining trades make, and the difference is booked as one
   * adjusting entry of today. History is not edited; the order keeps what it was told.
   * @returns false when there is no such fill or it is voided already
   * @throws Oversold when the remaining trades sell more than was bought
   */
  async voidFill(tx: Transaction, fill: { orderId: string; venueTradeId: string }): Promise<boolean> {
    await this.rows.lockOrders(tx, [fill.orderId]);
    const voided = await this.journal.markVoided(tx, fill);
    if (voided === undefined) return false;
    const { mode, fillId, ...key } = voided;
    const before = (await this.rows.lockPositions(tx, [{ ...key, mode }])).get(textOf(key));
    if (before === undefined) throw new Error(`the position ${textOf(key)} is not there`);
    const after = positionOf(await this.journal.tradesOf(tx, key));
    const posting = adjustmentOf(before, after);
    const books = new Books(new Map(), new Map());
    books.postings.push({ ...key, kind: 'VOID', fillId, mode, posting } satisfies PostingRow);
    books.changedPositions.set(textOf(key), { ...key, position: after });
    books.changes.push({ ...key, mode, heldCost: posting.cost, cash: posting.cash, reserved: NOTHING_RESERVED });
    await this.write(tx, books);
    return true;
  }

  /** A provisional fill is certain now. */
  async finalizeFill(tx: Transaction, fill: { orderId: string; venueTradeId: string }): Promise<void> {
    await this.journal.markFinal(tx, fill);
  }

  /**
   * Opens an account with the cash that the venue says is there; once.
   * @returns false when it is open already
   */
  async openAccount(
    tx: Transaction,
    account: AccountKey & { mode: LedgerOrder['mode']; cash: Amount },
  ): Promise<boolean> {
    return this.accounts.insert(tx, account, depositOf(account.cash));
  }

  /**
   * Books cash that came to an open account from outside, or below zero went there. It is capital: no result of a day, no profit. The
   * account's row is locked.
   */
  async bookTransfer(
    tx: Transaction,
    account: AccountKey & { mode: LedgerOrder['mode'] },
    cash: Amount,
  ): Promise<InsertedPosting> {
    return this.accounts.deposit(tx, account, depositOf(cash));
  }

  /** Changes statuses as the state table allows, and gives back what orders reserved once they are final. */
  async changeStatus(tx: Transaction, changes: readonly StatusChange[]): Promise<StatusChanged[]> {
    const orders = await this.rows.lockOrders(tx, [...new Set(changes.map(({ orderId }) => orderId))]);
    const written = new Map<string, LedgerOrder>();
    const sums: SumChange[] = [];
    const results = changes.map((change): StatusChanged => {
      const order = written.get(change.orderId) ?? orders.get(change.orderId);
      if (order === undefined) return { kind: 'missing' };
      if (change.version !== undefined && change.version !== order.version) return { kind: 'blocked', order };
      if (order.status === change.to && !adds(order, change)) return { kind: 'unchanged', order };
      if (order.status !== change.to && !orderCanBecome(order.status, change.to)) return { kind: 'blocked', order };
      const after = {
        ...order,
        status: change.to,
        reason: change.reason === undefined ? order.reason : change.reason,
        venueOrderId: change.venueOrderId ?? order.venueOrderId,
        version: order.version + 1,
      };
      written.set(order.id, after);
      sums.push(reservationChange(order, after));
      return { kind: 'changed', order: after };
    });
    if (written.size > 0) {
      await this.rows.updateOrders(tx, [...written.values()]);
      await this.rows.changeSums(tx, sums);
    }
    return results;
  }

  /** What new orders reserve; part of the transaction that inserts them. */
  async reserve(tx: Transaction, orders: readonly LedgerOrder[]): Promise<void> {
    const changes = orders.map(reservationOf);
    if (changes.length > 0) await this.rows.changeSums(tx, changes);
  }

  private async write(tx: Transaction, books: Books): Promise<void> {
    const results = books.postings.map(({ mode, strategy, posting }) => ({
      mode,
      strategy,
      ...resultTexts(posting.realized, posting.fees),
    }));
    const bookedAt = await this.days.book(tx, results);
    if (books.fills.length > 0) await this.journal.insertFills(tx, books.fills, bookedAt);
    await this.journal.insertPostings(tx, books.postings, bookedAt);
    if (books.changedOrders.size > 0) await this.rows.updateOrders(tx, [...books.changedOrders.values()]);
    await this.rows.updatePositions(tx, [...books.changedPositions.values()]);
    await this.rows.changeSums(tx, books.changes);
    await countLosingStreaks(tx, books);
  }
}

function adds(order: LedgerOrder, { reason, venueOrderId }: StatusChange): boolean {
  return (
    isWorking(order.status) &&
    ((venueOrderId !== undefined && venueOrderId !== order.venueOrderId) ||
      (reason !== undefined && reason !== order.reason))
  );
}

function withMode(order: LedgerOrder) {
  return { ...keyOf(order), mode: order.mode };
}
