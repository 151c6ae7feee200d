import { faultPoint } from '@interlock/observability';
import { OpsEvents } from '@interlock/ops-events';
import { type Transaction, Transactions } from '@interlock/persistence';
import { AutoKillSwitch } from '@interlock/risk-guards';
import { isAtOrPast, type VenueFill, type VenueSettlement, type Watermark } from '@interlock/venues';
import { Injectable } from '@nestjs/common';
import { Overfilled } from '../ledger/books.js';
import { Ledger } from '../ledger/ledger.js';
import { OrderMetrics } from '../order-metrics.js';
import { Oversold } from '../ledger/position.js';
import type { Desk } from './desk.js';
import { filledLate } from './order-events.js';
import { VenueReports } from './venue-reports.js';

/** What the venue tells cannot have happened by our books: trading there must end until a person has looked. */
export class BooksContradicted extends Error {
  constructor(venue: string, cause: Oversold | Overfilled) {
    super(`${venue} tells what the books contradict: ${cause.message}`, { cause });
    this.name = 'BooksContradicted';
  }
}

/** Reads an account's fills and settlements at its venue and books them, each page in one transaction with how far was read. */
@Injectable()
export class VenueBookings {
  constructor(
    private readonly transactions: Transactions,
    private readonly ledger: Ledger,
    private readonly reports: VenueReports,
    private readonly events: OpsEvents,
    private readonly metrics: OrderMetrics,
    private readonly autoKillSwitch: AutoKillSwitch,
  ) {}

  /**
   * Books all that is new. A settlement comes after all fills before it.
   * @returns how many fills and settlements were new
   * @throws VenueUnreachable, DeskLost; BooksContradicted, with nothing of that page booked
   */
  async bookAll(desk: Desk): Promise<number> {
    const read = await this.transactions.run((tx) => readWatermarks(tx, desk));
    const { watermark, booked } = await this.bookFills(desk, read.fills);
    return booked + (await this.bookSettlements(desk, read.settlements, watermark));
  }

  private async bookFills(desk: Desk, since: Watermark): Promise<{ watermark: Watermark; booked: number }> {
    let watermark = since;
    let booked = 0;
    for (;;) {
      const page = await desk.venue.listFills(watermark);
      if (page.fills.length > 0 || page.watermark !== watermark) {
        booked += await this.bookPage(desk, page.fills, page.watermark);
      }
      watermark = page.watermark;
      if (!page.hasMore) return { watermark, booked };
    }
  }

  private async bookPage(desk: Desk, fills: readonly VenueFill[], watermark: Watermark): Promise<number> {
    try {
      return await desk.writeAlone(async (tx) => {
        const booked = await this.book(tx, desk, fills);
        await moveWatermark(tx, desk, 'fills_watermark', watermark);
        faultPoint('fills-in-transaction');
        return booked;
      });
    } catch (error) {
      const isContradiction = error instanceof Oversold || error instanceof Overfilled;
      throw isContradiction ? new BooksContradicted(desk.venue.name, error) : error;
    }
  }

  /**
   * Ends trading at the venue until a person has looked: the page is read again and again, and cannot be booked.
   * @param isNews whether people are to be told
   */
  async halt(desk: Desk, { message: reason }: BooksContradicted, isNews: boolean): Promise<void> {
    const scope = `venue:${desk.venue.name}` as const;
    const details = { ...desk.of, scope };
    await desk.write(async (tx) => {
      if (isNews)
        await this.events.record(tx, { event: 'reconciliation_difference', source: 'worker', reason, details });
      await this.autoKillSwitch.trip(tx, {
        rule: 'books',
        scope,
        reason,
        current: 'contradicted',
        limit: 'none',
        details,
      });
    });
    await this.autoKillSwitch.carryOutTrips();
  }

  /** Fills of orders that are not ours are left to the reconciliation, which tells of them. */
  private async book(tx: Transaction, desk: Desk, fills: readonly VenueFill[]): Promise<number> {
    const orders = await findOrders(tx, desk, fills);
    const ours = fills.flatMap(({ dedupeKey, ...fill }) => {
      const orderId = orders.get(dedupeKey ?? '') ?? orders.get(fill.venueOrderId);
      return orderId === undefined ? [] : [{ ...fill, orderId }];
    });
    const booked = await this.ledger.bookFills(
      tx,
      // One that is voided already is booked and then taken out, as if it had been seen in between: its order was told of it.
      ours.map(({ finality, ...fill }) => ({ ...fill, finality: finality === 'VOIDED' ? 'PROVISIONAL' : finality })),
    );
    for (const { orderId, venueTradeId, finality } of ours) {
      if (finality === 'FINAL' && booked.repeated > 0) await this.ledger.finalizeFill(tx, { orderId, venueTradeId });
      if (finality === 'VOIDED') await this.ledger.voidFill(tx, { orderId, venueTradeId });
    }
    await this.reports.closeEnded(tx, [...new Set(ours.map(({ orderId }) => orderId))]);
    await this.events.recordAll(tx, booked.late.map(filledLate));
    this.metrics.booked(tx, desk.venue.name, booked.booked);
    return booked.booked;
  }

  private async bookSettlements(desk: Desk, since: Watermark, fillsRead: Watermark): Promise<number> {
    let watermark = since;
    let booked = 0;
    for (;;) {
      const page = await desk.venue.listSettlements(watermark);
      const due = page.settlements.filter(({ fillsUpTo }) => isAtOrPast(fillsRead, fillsUpTo));
      // Its fills come first: the next reading goes on from here.
      const isAllDue = due.length === page.settlements.length;
      if (due.length > 0 || (isAllDue && page.watermark !== watermark)) {
        const upTo = isAllDue ? page.watermark : watermark;
        booked += await desk.writeAlone((tx) => this.settle(tx, desk, due, upTo));
      }
      if (!isAllDue || !page.hasMore) return booked;
      watermark = page.watermark;
    }
  }

  private async settle(
    tx: Transaction,
    desk: Desk,
    settlements: readonly VenueSettlement[],
    watermark: Watermark,
  ): Promise<number> {
    let closed = 0;
    for (const { fillsUpTo: _, ...settlement } of settlements) {
      closed += await this.ledger.bookSettlement(tx, { ...desk.of, ...settlement });
    }
    await moveWatermark(tx, desk, 'settlements_watermark', watermark);
    return closed;
  }
}

async function readWatermarks(tx: Transaction, { of }: Desk): Promise<{ fills: Watermark; settlements: Watermark }> {
  const [row] = await tx.query<{ fills: Watermark; settlements: Watermark }[]>(
    `SELECT fills_watermark AS fills, settlements_watermark AS settlements FROM venue_desks WHERE venue = $1 AND account = $2`,
    [of.venue, of.account],
  );
  if (row === undefined) throw new Error(`there is no desk of ${of.venue}, account ${of.account}`);
  return row;
}

async function moveWatermark(
  tx: Transaction,
  { of }: Desk,
  column: 'fills_watermark' | 'settlements_watermark',
  to: Watermark,
): Promise<void> {
  await tx.query(`UPDATE venue_desks SET ${column} = $3 WHERE venue = $1 AND account = $2`, [of.venue, of.account, to]);
}

/** Our orders by dedupe key and by the venue's id. */
async function findOrders(tx: Transaction, { of }: Desk, fills: readonly VenueFill[]): Promise<Map<string, string>> {
  if (fills.length === 0) return new Map();
  const rows = await tx.query<{ id: string; key: string }[]>(
    `SELECT id, dedupe_key AS key FROM orders WHERE venue = $1 AND account = $2 AND dedupe_key = ANY($3)
     UNION ALL
     SELECT id, venue_order_id FROM orders WHERE venue = $1 AND account = $2 AND venue_order_id = ANY($4)`,
    [
      of.venue,
      of.account,
      fills.flatMap(({ dedupeKey }) => dedupeKey ?? []),
      fills.filter(({ dedupeKey }) => dedupeKey === null).map(({ venueOrderId }) => venueOrderId),
    ],
  );
  return new Map(rows.map(({ id, key }) => [key, id]));
}
