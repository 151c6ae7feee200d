import { faultPoint } from '@interlock/observability';
import type { Transaction, Transactions } from '@interlock/persistence';
import { HoldLost, type Hold, type Runs } from './runs.repository.js';

/** A lease is renewed this many times before it would run out. */
const RENEWALS_PER_LEASE = 4;
/** The part of the lease that is left for the work to fall silent after fencing itself, before anybody else may take over. */
const MARGIN = 0.2;

/**
 * Keeps a hold on a run alive while its work goes on, and fences itself: when it could not renew for lease − margin on this
 * process's monotonic clock, the work is told to end, whatever the database or the queue say (safety.md, R4).
 */
export class RunLease {
  private readonly renewals: NodeJS.Timeout;
  private fence: NodeJS.Timeout | undefined;
  private renewing: Promise<void> | undefined;
  private ended = false;
  private isLost = false;

  /**
   * @param leaseMs how long a renewal holds, in milliseconds
   * @param onLost called at most once, when the work must end because the run is, or soon may be, somebody else's
   * @param onCancel called when a renewal brings the news that somebody wants the run cancelled
   * @param claimedAt `performance.now()` from before the claim was sent, since the database's clock starts the lease after that
   */
  constructor(
    private readonly transactions: Transactions,
    private readonly runs: Runs,
    private readonly hold: Hold,
    private readonly leaseMs: number,
    private readonly onLost: () => void,
    private readonly onCancel: (by: string) => void,
    claimedAt: number,
  ) {
    this.renewals = setInterval(() => this.beat(), leaseMs / RENEWALS_PER_LEASE);
    this.armFence(claimedAt);
  }

  /** Ends the renewals; resolves when none is under way any more. */
  async end(): Promise<void> {
    this.stop();
    await this.renewing;
  }

  /** True once nothing that this worker does with the run counts any more. */
  get lost(): boolean {
    return this.isLost;
  }

  private beat(): void {
    this.renewing ??= this.renew().finally(() => {
      this.renewing = undefined;
    });
  }

  private async renew(): Promise<void> {
    const sentAt = performance.now();
    try {
      faultPoint('lease-before-renewal');
      const canceledBy = await this.transactions.run((tx) => this.renewIn(tx));
      if (!this.ended) this.armFence(sentAt);
      if (canceledBy !== null) this.onCancel(canceledBy);
    } catch (error) {
      if (error instanceof HoldLost) this.lose();
      // Anything else: the next beat tries again, until the fence falls.
    }
  }

  private async renewIn(tx: Transaction): Promise<string | null> {
    const canceledBy = await this.runs.renew(tx, this.hold, this.leaseMs);
    faultPoint('lease-after-renewal');
    return canceledBy;
  }

  private armFence(renewedAt: number): void {
    clearTimeout(this.fence);
    const left = renewedAt + this.leaseMs * (1 - MARGIN) - performance.now();
    this.fence = setTimeout(() => this.lose(), Math.max(0, left));
  }

  private lose(): void {
    if (this.ended) return;
    this.stop();
    this.isLost = true;
    this.onLost();
  }

  private stop(): void {
    this.ended = true;
    clearInterval(this.renewals);
    clearTimeout(this.fence);
  }
}
