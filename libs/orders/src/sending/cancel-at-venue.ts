import { Transactions } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import type { Desk } from './desk.js';
import { VenueReports } from './venue-reports.js';

/** Carries out the cancels that were asked for. Those that a venue does not confirm are asked for again, and looked up by key. */
@Injectable()
export class VenueCancels {
  constructor(
    private readonly transactions: Transactions,
    private readonly reports: VenueReports,
  ) {}

  /** @returns how many orders are to be cancelled and may work at the venue still */
  async cancelAll(desk: Desk): Promise<number> {
    const wanted = await this.transactions.run((tx) =>
      tx.query<{ dedupeKey: string }[]>(
        `SELECT dedupe_key AS "dedupeKey" FROM orders
         WHERE venue = $1 AND account = $2 AND cancel_requested_at IS NOT NULL AND ended_as IS NULL
           AND status IN ('CANCEL_PENDING', 'OPEN', 'PARTIALLY_FILLED') AND id <> ALL($3::uuid[])
         ORDER BY cancel_requested_at LIMIT 1000`,
        [desk.of.venue, desk.of.account, [...desk.inHand]],
      ),
    );
    if (wanted.length === 0) return 0;
    const { canceled } = await desk.venue.cancelAll({ dedupeKeys: wanted.map(({ dedupeKey }) => dedupeKey) });
    if (canceled.length > 0) await desk.write((tx) => this.reports.record(tx, desk.of, canceled));
    return wanted.length - canceled.length;
  }
}
