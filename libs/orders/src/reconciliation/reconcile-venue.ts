import { Settings } from '@interlock/config';
import { OpsEvents } from '@interlock/ops-events';
import { amount, type Transaction, Transactions } from '@interlock/persistence';
import { AutoKillSwitch } from '@interlock/risk-guards';
import { type Venue, VenueUnreachable } from '@interlock/venues';
import { Injectable } from '@nestjs/common';
import { type ComparedItem, type Comparison, signOf } from './comparison.js';
import { ReconciliationMetrics } from './reconciliation-metrics.js';
import { SyncOrders } from './sync-orders.js';
import { CannotCompare, VenueComparison } from './venue-comparison.js';

/** Differences that an event lists; `count` says how many there are. */
const MOST_TOLD = 20;

export type Reconciliation =
  /** No difference. */
  | { readonly kind: 'agrees'; readonly comparison: Comparison }
  /** `isTolerable`: none is above the tolerance. */
  | { readonly kind: 'differs'; readonly comparison: Comparison; readonly isTolerable: boolean }
  /** The venue cannot be read, or was traded at too fast to compare everything; to be tried again. For people. */
  | { readonly kind: 'unfinished'; readonly reason: string };

/** Whether trading may go on. */
export function passes(reconciliation: Reconciliation): boolean {
  return reconciliation.kind === 'agrees' || (reconciliation.kind === 'differs' && reconciliation.isTolerable);
}

/**
 * Reconciles the books of an account with its venue: takes over how orders ended there, compares, tells what differs, and above the
 * tolerance turns the venue's kill switch on (safety.md, O5). Missed fills are to be booked and unanswered orders resolved before.
 *
 * A difference is told once, by one event, until it changes or is gone. The switch is turned on once until somebody releases it: then
 * again, if the difference is still there.
 */
@Injectable()
export class ReconcileVenue {
  constructor(
    private readonly settings: Settings,
    private readonly transactions: Transactions,
    private readonly orders: SyncOrders,
    private readonly comparison: VenueComparison,
    private readonly events: OpsEvents,
    private readonly autoKillSwitch: AutoKillSwitch,
    private readonly metrics: ReconciliationMetrics,
  ) {}

  async run(venue: Venue): Promise<Reconciliation> {
    try {
      await this.orders.run(venue);
      const comparison = await this.comparison.compare(venue);
      const reconciliation = this.judge(comparison);
      await this.tell(comparison);
      if (passes(reconciliation)) this.metrics.passed(venue.name);
      return reconciliation;
    } catch (error) {
      if (!(error instanceof VenueUnreachable || error instanceof CannotCompare)) throw error;
      return { kind: 'unfinished', reason: error.message };
    }
  }

  private judge(comparison: Comparison): Reconciliation {
    const { venue, differences, isComplete } = comparison;
    if (differences.length === 0 && isComplete) return { kind: 'agrees', comparison };
    const isTolerable = differences.every((item) => !this.isAboveTolerance(item));
    // What was left out may be above the tolerance.
    if (isTolerable && !isComplete) return { kind: 'unfinished', reason: `${venue}: trading went on meanwhile` };
    return { kind: 'differs', comparison, isTolerable };
  }

  private async tell(comparison: Comparison): Promise<void> {
    const { venue, differences } = comparison;
    const told = await this.transactions.run(async (tx) => {
      const news = await rememberTold(tx, comparison);
      if (news > 0) await this.events.record(tx, this.eventOf(comparison));
      await this.trip(tx, comparison);
      return news;
    });
    this.metrics.found(venue, told);
    if (differences.length > 0) await this.autoKillSwitch.carryOutTrips();
  }

  private eventOf(comparison: Comparison) {
    const isTolerable = !comparison.differences.some((item) => this.isAboveTolerance(item));
    return {
      event: 'reconciliation_difference',
      source: 'reconciliation',
      reason: sentenceOf(comparison.venue, comparison.differences),
      details: { ...this.numbersOf(comparison), scope: `venue:${comparison.venue}`, isTolerable },
    } as const;
  }

  private async trip(tx: Transaction, comparison: Comparison): Promise<void> {
    const above = comparison.differences.filter((item) => this.isAboveTolerance(item));
    const [first] = above;
    if (first === undefined) return;
    await this.autoKillSwitch.trip(tx, {
      rule: 'reconciliation',
      scope: `venue:${comparison.venue}`,
      reason: sentenceOf(comparison.venue, above),
      current: first.by ?? first.kind,
      limit: this.toleranceOf(first),
      details: this.numbersOf(comparison),
    });
  }

  private numbersOf({ venue, account, differences }: Comparison) {
    return { venue, account, count: differences.length, differences: differences.slice(0, MOST_TOLD) };
  }

  private isAboveTolerance(item: ComparedItem): boolean {
    return item.by === null || amount(item.by).gt(amount(this.toleranceOf(item)));
  }

  private toleranceOf({ kind }: ComparedItem): string {
    const { toleranceCash, toleranceShares } = this.settings.reconciliation;
    return kind === 'cash' ? toleranceCash : toleranceShares;
  }
}

/**
 * Keeps which differences were told.
 * @returns how many of these were not told before
 */
async function rememberTold(tx: Transaction, comparison: Comparison): Promise<number> {
  const of = [comparison.venue, comparison.account];
  await tx.query('INSERT INTO reconciliations (venue, account) VALUES ($1, $2) ON CONFLICT DO NOTHING', of);
  const [row] = await tx.query<{ told: string[] }[]>(
    'SELECT told FROM reconciliations WHERE venue = $1 AND account = $2 FOR UPDATE',
    of,
  );
  const told = row?.told ?? [];
  const found = comparison.differences.map(signOf);
  // Of what was left out nobody knows whether it is gone.
  const keep = comparison.isComplete ? found : [...new Set([...told, ...found])];
  await tx.query(
    `UPDATE reconciliations SET told = $3, compared_at = CASE WHEN $4 THEN clock_timestamp() ELSE compared_at END
     WHERE venue = $1 AND account = $2`,
    [...of, keep, comparison.isComplete],
  );
  return found.filter((sign) => !told.includes(sign)).length;
}

function sentenceOf(venue: string, differences: readonly ComparedItem[]): string {
  const [first] = differences;
  if (first === undefined) throw new Error('there is nothing to tell');
  const { kind, key, ledger, venue: theirs } = first;
  const others = differences.length > 1 ? `, and ${differences.length - 1} more` : '';
  return `${venue}: ${kind} ${key} is ${ledger ?? 'nothing'} in the ledger, ${theirs ?? 'nothing'} at the venue${others}`;
}
