import { hostname } from 'node:os';
import type { Transaction, Transactions } from '@interlock/persistence';
import type { AccountKey } from '../ledger/ledger.js';

/** How long a renewal holds, in milliseconds: so long at most an account is without a desk after its worker was killed. */
export const DESK_LEASE_MS = 5_000;
const RENEWAL_EVERY_MS = DESK_LEASE_MS / 5;
/** After this long without a renewal, by its own monotonic clock, a desk stops by itself: before anybody else may take over. */
const FENCE_MS = DESK_LEASE_MS * 0.8;

/** Names this process in leases, for people who look into the tables; the epoch is what fences. */
const OWNER = `${hostname()}:${process.pid}`;

/** Somebody else looks after the account by now, or may. */
export class DeskLost extends Error {
  constructor({ venue, account }: AccountKey) {
    super(`the desk of ${venue}, account ${account}, is no longer this worker's`);
    this.name = 'DeskLost';
  }
}

/**
 * The right to look after an account: to send its orders, and to book what its venue tells. One process at a time has it. Whatever it
 * writes names the epoch and is refused once there is a later one (safety.md, R4).
 */
export class DeskLease {
  private readonly ended = new AbortController();
  private renewing: Promise<void> = Promise.resolve();
  private renewals: NodeJS.Timeout | undefined;
  private fence: NodeJS.Timeout | undefined;

  private constructor(
    private readonly transactions: Transactions,
    private readonly of: AccountKey,
    private readonly epoch: string,
  ) {}

  /** @returns undefined while another process has the desk */
  static async take(transactions: Transactions, of: AccountKey): Promise<DeskLease | undefined> {
    const takenAt = performance.now();
    const rows = await transactions.run((tx) =>
      tx.query<{ epoch: string }[]>(
        `INSERT INTO venue_desks AS d (venue, account, owner, epoch, leased_until)
         VALUES ($1, $2, $3, 1, clock_timestamp() + $4 * interval '1 ms')
         ON CONFLICT (venue, account) DO UPDATE
           SET owner = excluded.owner, epoch = d.epoch + 1, leased_until = clock_timestamp() + $4 * interval '1 ms'
           WHERE d.leased_until < clock_timestamp()
         RETURNING epoch::text`,
        [of.venue, of.account, OWNER, DESK_LEASE_MS],
      ),
    );
    const epoch = rows[0]?.epoch;
    if (epoch === undefined) return undefined;
    const lease = new DeskLease(transactions, of, epoch);
    lease.keep(takenAt);
    return lease;
  }

  /** Aborted once the desk is lost or given up: nothing may be sent or written any more. */
  get over(): AbortSignal {
    return this.ended.signal;
  }

  /**
   * Makes sure, to the end of the transaction, that the desk is still ours.
   * @param lock `NO KEY UPDATE` for work that changes the desk's row later on: whoever shares it first and then waits for the others
   *   who share it is waited for by those of them that want an order which it holds
   * @throws DeskLost
   */
  async confirm(tx: Transaction, lock: 'SHARE' | 'NO KEY UPDATE' = 'SHARE'): Promise<void> {
    const rows = await tx.query<unknown[]>(
      `SELECT 1 FROM venue_desks WHERE venue = $1 AND account = $2 AND epoch = $3 AND leased_until > clock_timestamp() FOR ${lock}`,
      [this.of.venue, this.of.account, this.epoch],
    );
    if (rows.length > 0) return;
    this.end();
    throw new DeskLost(this.of);
  }

  /** Gives the desk up, so that another process can take it at once. */
  async release(): Promise<void> {
    this.end();
    await this.renewing;
    await this.transactions.run((tx) =>
      tx.query(`UPDATE venue_desks SET leased_until = '-infinity' WHERE venue = $1 AND account = $2 AND epoch = $3`, [
        this.of.venue,
        this.of.account,
        this.epoch,
      ]),
    );
  }

  private keep(takenAt: number): void {
    this.armFence(takenAt);
    this.renewals = setInterval(() => {
      this.renewing = this.renewing.then(() => this.renew());
    }, RENEWAL_EVERY_MS);
  }

  private async renew(): Promise<void> {
    if (this.over.aborted) return;
    const sentAt = performance.now();
    try {
      const [, renewed] = await this.transactions.run((tx) =>
        tx.query<[unknown[], number]>(
          `UPDATE venue_desks SET leased_until = clock_timestamp() + $4 * interval '1 ms'
           WHERE venue = $1 AND account = $2 AND epoch = $3 AND leased_until > clock_timestamp()`,
          [this.of.venue, this.of.account, this.epoch, DESK_LEASE_MS],
        ),
      );
      if (renewed === 0) this.end();
      else this.armFence(sentAt);
    } catch {
      // The next one tries again, until the fence falls.
    }
  }

  private armFence(renewedAt: number): void {
    clearTimeout(this.fence);
    if (this.over.aborted) return;
    this.fence = setTimeout(() => this.end(), Math.max(0, renewedAt + FENCE_MS - performance.now()));
  }

  private end(): void {
    clearInterval(this.renewals);
    clearTimeout(this.fence);
    this.ended.abort();
  }
}
