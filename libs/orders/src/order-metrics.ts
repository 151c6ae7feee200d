import { everySeries, Metrics } from '@interlock/observability';
import { afterCommit, type Transaction } from '@interlock/persistence';
import { RULE_NAMES } from '@interlock/risk-guards';
import { Venues } from '@interlock/venues';
import { Injectable } from '@nestjs/common';
import type { OrderRefusal } from './order-rejected.js';

const ADMISSION_OUTCOMES = [
  'admitted',
  'replayed',
  'key-reused',
  'invalid',
  'kill-switch',
  'refused',
  'unavailable',
  'failed',
] as const;

/** What asking for an order came to, as far as it is counted. */
type Placed = OrderRefusal | { kind: Exclude<(typeof ADMISSION_OUTCOMES)[number], OrderRefusal['kind'] | 'failed'> };

/** What became of an order that a worker took for sending; `halted`: a switch was turned on before the first byte left. */
const SEND_OUTCOMES = ['accepted', 'rejected', 'killed', 'unknown', 'halted'] as const;
export type SendOutcome = (typeof SEND_OUTCOMES)[number];

/** Orders as this process sees them: what they came to at the gate and at the venues, and how long that took. */
@Injectable()
export class OrderMetrics {
  private readonly admissions;
  private readonly admissionDurations;
  private readonly refusals;
  private readonly sends;
  private readonly sendDurations;
  private readonly fills;

  constructor(
    metrics: Metrics,
    private readonly venues: Venues,
  ) {
    const perVenue = everySeries({ venue: venues.names() });
    this.admissions = metrics.counter(
      'interlock_order_admissions_total',
      'Orders that were asked for, by what they came to; those of a venue that is not configured are invalid orders of venue none',
      everySeries({ venue: [...venues.names(), 'none'], outcome: ADMISSION_OUTCOMES }),
    );
    this.admissionDurations = metrics.durations(
      'interlock_order_admission_duration_seconds',
      'From asking for orders, one or a batch, to the answer',
      perVenue,
    );
    this.refusals = metrics.counter(
      'interlock_order_refusals_total',
      'Orders that a kill switch or a rule refused',
      everySeries({ rule: ['killSwitch', ...RULE_NAMES] }),
    );
    this.sends = metrics.counter(
      'interlock_orders_sent_total',
      'Orders that were taken for sending, by what the venue made of them',
      everySeries({ venue: venues.names(), outcome: SEND_OUTCOMES }),
    );
    this.sendDurations = metrics.durations(
      'interlock_order_submit_duration_seconds',
      "From an order's first byte to the venue's answer, or to giving it up",
      perVenue,
    );
    this.fills = metrics.counter('interlock_fills_booked_total', 'Fills that were booked', perVenue);
  }

  /** Counts orders by what they come to, and how long that takes. `venues` are those of the orders, in their order. */
  async placed<T extends Placed>(venues: readonly string[], placing: Promise<T[]>): Promise<T[]> {
    const begun = performance.now();
    const known = venues.map((venue) => (this.venues.find(venue) === undefined ? 'none' : venue));
    try {
      const results = await placing;
      for (const [index, result] of results.entries()) this.count(known[index] ?? 'none', result);
      return results;
    } catch (error) {
      for (const venue of known) this.admissions.inc({ venue, outcome: 'failed' });
      throw error;
    } finally {
      const seconds = (performance.now() - begun) / 1_000;
      for (const venue of new Set(known)) if (venue !== 'none') this.admissionDurations.observe({ venue }, seconds);
    }
  }

  /** Counts an order that was taken for sending, once the venue has answered or is given up. */
  async sent<T>(venue: string, sending: Promise<T>, outcomeOf: (result: T) => SendOutcome): Promise<T> {
    const begun = performance.now();
    const result = await sending;
    const outcome = outcomeOf(result);
    this.sends.inc({ venue, outcome });
    if (outcome !== 'halted') this.sendDurations.observe({ venue }, (performance.now() - begun) / 1_000);
    return result;
  }

  /** Counts fills, if `tx` commits. */
  booked(tx: Transaction, venue: string, fills: number): void {
    if (fills > 0) afterCommit(tx, () => this.fills.inc({ venue }, fills));
  }

  private count(venue: string, result: Placed): void {
    this.admissions.inc({ venue, outcome: result.kind });
    if (result.kind === 'kill-switch') this.refusals.inc({ rule: 'killSwitch' });
    if (result.kind === 'refused') this.refusals.inc({ rule: result.refusal.details.rule });
  }
}
