import { TakesNoWrites } from './database-errors.js';

/**
 * A column that tells whether the server that answers takes no writes, a standby above all. What such a one shows may be old, and
 * its locks keep out nobody but those who are on it too: nothing that it says of switches and guards is passed on.
 */
export const READ_ONLY = `current_setting('transaction_read_only')::boolean AS "readOnly"`;

/** A row with the column `READ_ONLY`. */
export interface Answering {
  readonly readOnly: boolean;
}

/** @throws TakesNoWrites when the first of the rows says that its server is one */
export function refuseReadOnly([row]: readonly Answering[]): void {
  if (row?.readOnly === true) throw new TakesNoWrites();
}
