import type { Transaction, Transactions } from '@interlock/persistence';
import type { Venue } from '@interlock/venues';
import type { AccountKey } from '../ledger/ledger.js';
import type { DeskLease } from './desk-lease.js';

/** A venue's account while this process looks after it. */
export class Desk {
  /** Orders whose answer this process waits for: nobody else has to find out what became of them. */
  readonly inHand = new Set<string>();
  /** Whether they agree with the venue. Found out anew by each holder of the desk, and before it nothing is sent (safety.md, O5). */
  books: 'unknown' | 'agree' | 'contradicted' = 'unknown';

  constructor(
    readonly venue: Venue,
    private readonly lease: DeskLease,
    private readonly transactions: Transactions,
  ) {}

  get of(): AccountKey {
    return { venue: this.venue.name, account: this.venue.account };
  }

  /** Aborted once the desk is no longer ours. */
  get over(): AbortSignal {
    return this.lease.over;
  }

  /**
   * Makes sure that the desk is ours to the end of the transaction.
   * @throws DeskLost
   */
  confirm(tx: Transaction): Promise<void> {
    return this.lease.confirm(tx);
  }

  /**
   * Runs work that ends with the desk: its transaction commits only while the desk is ours.
   * @throws DeskLost
   */
  write<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.transactions.run(async (tx) => {
      await this.lease.confirm(tx);
      return work(tx);
    });
  }

  /**
   * As `write`, for work that moves a watermark: alone at the desk, from its beginning.
   * @throws DeskLost
   */
  writeAlone<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.transactions.run(async (tx) => {
      await this.lease.confirm(tx, 'NO KEY UPDATE');
      return work(tx);
    });
  }
}
