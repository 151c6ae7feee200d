import type { Transaction } from '@interlock/persistence';
import type { VenueHealth } from '@interlock/venues';
import type { Desk } from './desk.js';

/** The books count as not compared, until they are. */
export async function forgetReconciliation(tx: Transaction, { of }: Desk): Promise<void> {
  await tx.query('UPDATE venue_conditions SET reconciled_at = NULL WHERE venue = $1 AND account = $2', [
    of.venue,
    of.account,
  ]);
}

/** @param reconciled whether the books agree with the venue */
export async function storeCondition(
  tx: Transaction,
  { of }: Desk,
  { state, message }: VenueHealth,
  reconciled: boolean,
): Promise<void> {
  await tx.query(
    `INSERT INTO venue_conditions AS c (venue, account, state, message, reconciled_at, updated_at)
     VALUES ($1, $2, $3, $4, CASE WHEN $5::boolean THEN clock_timestamp() END, clock_timestamp())
     ON CONFLICT (venue, account) DO UPDATE SET state = excluded.state, message = excluded.message, updated_at = excluded.updated_at,
       reconciled_at = CASE WHEN $5::boolean THEN coalesce(c.reconciled_at, excluded.reconciled_at) END`,
    [of.venue, of.account, state, message, reconciled],
  );
}
