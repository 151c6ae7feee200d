import { plainAmount } from '@interlock/persistence';
import type { AccountKey } from './ledger/ledger.js';

/** A booked deposit (above zero) or withdrawal as it is shown. Amounts are decimal text in units of collateral. */
export interface TransferView extends AccountKey {
  readonly transferId: string;
  readonly amount: string;
  /** What the account had after it. */
  readonly cash: string;
  readonly reason: string;
  readonly idempotencyKey: string;
  readonly bookedBy: string;
  /** ISO 8601 UTC. */
  readonly bookedAt: string;
}

export type TransferRow = Omit<TransferView, 'bookedAt'> & { readonly bookedAt: Date };

/** Of the table `transfers`. */
export const TRANSFER_COLUMNS = `id AS "transferId", venue, account, amount::text, cash::text, reason,
  idempotency_key AS "idempotencyKey", booked_by AS "bookedBy", booked_at AS "bookedAt"`;

export function transferViewOf({ amount, cash, bookedAt, ...row }: TransferRow): TransferView {
  return { ...row, amount: plainAmount(amount), cash: plainAmount(cash), bookedAt: bookedAt.toISOString() };
}
