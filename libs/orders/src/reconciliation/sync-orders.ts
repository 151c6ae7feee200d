import { Transactions } from '@interlock/persistence';
import type { Venue, VenueOrder } from '@interlock/venues';
import { Injectable } from '@nestjs/common';
import type { StatusChanged } from '../ledger/ledger.js';
import { VenueReports } from '../sending/venue-reports.js';
import { resolveEach } from './questions.js';

interface AcknowledgedOrder {
  readonly dedupeKey: string;
  readonly market: string;
  readonly createdAt: Date;
}

/**
 * Finds out what became of orders that the venue has acknowledged and no longer lists as working: expired there, cancelled by the
 * venue, filled. Nobody else asks for them, since their answers have come, or fills that were as good as an answer.
 */
@Injectable()
export class SyncOrders {
  constructor(
    private readonly transactions: Transactions,
    private readonly reports: VenueReports,
  ) {}

  /**
   * Takes over how such orders ended. One that the venue does not know at all is left as it is: the comparison tells of it.
   * @returns what became of each order that the venue told of
   * @throws VenueUnreachable
   */
  async run(venue: Venue): Promise<StatusChanged[]> {
    const of = { venue: venue.name, account: venue.account };
    // Read before the list is: what is acknowledged later would look as if it were not listed.
    const acknowledged = await this.transactions.run((tx) =>
      tx.query<AcknowledgedOrder[]>(
        `SELECT dedupe_key AS "dedupeKey", market, created_at AS "createdAt" FROM orders
         WHERE venue = $1 AND account = $2 AND status IN ('OPEN', 'PARTIALLY_FILLED', 'CANCEL_PENDING')
           AND dedupe_key IS NOT NULL AND (venue_order_id IS NOT NULL OR filled_quantity > 0) AND ended_as IS NULL`,
        [of.venue, of.account],
      ),
    );
    if (acknowledged.length === 0) return [];
    const listed = new Set((await venue.listOpenOrders()).map(({ dedupeKey }) => dedupeKey));
    const unlisted = acknowledged.filter(({ dedupeKey }) => !listed.has(dedupeKey));
    const resolved = await resolveEach(venue, unlisted);
    const told = resolved.flatMap(({ found }): VenueOrder[] => (found.kind === 'FOUND' ? [found.order] : []));
    if (told.length === 0) return [];
    return this.transactions.run((tx) => this.reports.record(tx, of, told));
  }
}
