import { Metrics } from '@interlock/observability';
import { Venues } from '@interlock/venues';
import { Injectable } from '@nestjs/common';

/** What reconciliations found, per venue. */
@Injectable()
export class ReconciliationMetrics {
  private readonly differences;
  private readonly passedAt;

  constructor(metrics: Metrics, venues: Venues) {
    const series = venues.names().map((venue) => ({ venue }));
    this.differences = metrics.counter(
      'interlock_reconciliation_differences_total',
      'Differences between the books and a venue that were found and not known before',
      series,
      ['venue'],
    );
    this.passedAt = metrics.gauge(
      'interlock_reconciliation_last_passed_timestamp_seconds',
      'When the books of a venue last agreed with it, as this process found; 0 while they never did',
      series,
      ['venue'],
    );
  }

  found(venue: string, differences: number): void {
    this.differences.inc({ venue }, differences);
  }

  passed(venue: string): void {
    this.passedAt.set({ venue }, Date.now() / 1_000);
  }
}
