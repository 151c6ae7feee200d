import type { Mode } from '@interlock/kill-switch';
import { type Amount, amountText, type Transaction } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import type { Posting } from './posting.js';

/** An account with the mode of its venue. */
interface AccountOfMode {
  readonly venue: string;
  readonly account: string;
  readonly mode: Mode;
}

/** Where in the journal a posting stands. */
export interface InsertedPosting {
  readonly number: string;
  readonly bookedAt: Date;
}

/** The statements of the ledger that bring cash to accounts from outside. */
@Injectable()
export class AccountRows {
  /** @returns false when the account is there already; then nothing is posted */
  async insert(tx: Transaction, account: AccountOfMode & { cash: Amount }, posting: Posting): Promise<boolean> {
    const inserted = await tx.query<unknown[]>(
      `INSERT INTO accounts (venue, account, mode, cash) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING venue`,
      [account.venue, account.account, account.mode, amountText(account.cash)],
    );
    if (inserted.length === 0) return false;
    await this.post(tx, account, posting);
    return true;
  }

  /** Adds to the cash of an account, with the posting that says so; a withdrawal is a deposit below zero. */
  async deposit(tx: Transaction, account: AccountOfMode, posting: Posting): Promise<InsertedPosting> {
    await tx.query(
      `UPDATE accounts SET cash = cash + $3, updated_at = clock_timestamp() WHERE venue = $1 AND account = $2`,
      [account.venue, account.account, amountText(posting.cash)],
    );
    return this.post(tx, account, posting);
  }

  private async post(
    tx: Transaction,
    { venue, account, mode }: AccountOfMode,
    { cash, capital }: Posting,
  ): Promise<InsertedPosting> {
    const [inserted] = await tx.query<InsertedPosting[]>(
      `INSERT INTO postings (kind, mode, venue, account, shares, cash, cost, realized, fees, capital, booked_at)
       VALUES ('DEPOSIT', $1, $2, $3, 0, $4, 0, 0, 0, $5, clock_timestamp()) RETURNING number, booked_at AS "bookedAt"`,
      [mode, venue, account, amountText(cash), amountText(capital)],
    );
    if (inserted === undefined) throw new Error('a posting was not inserted');
    return inserted;
  }
}
