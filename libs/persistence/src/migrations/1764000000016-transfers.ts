import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Deposits and withdrawals of venue accounts that people book: who, why, and under which key, beside their postings. */
export class Transfers1764000000016 implements MigrationInterface {
  readonly name = 'Transfers1764000000016';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  down(): Promise<void> {
    throw new Error('migrations only go forward; restore a backup instead');
  }
}

const STATEMENTS = [
  // `cash` is what the account had after it. A key books once per account.
  `CREATE TABLE transfers (
     id uuid PRIMARY KEY,
     posting bigint NOT NULL UNIQUE REFERENCES postings,
     venue text NOT NULL,
     account text NOT NULL,
     idempotency_key text NOT NULL CHECK (idempotency_key ~ '^[\\x21-\\x7e]{1,128}$'),
     amount amount NOT NULL CHECK (amount <> 0),
     cash amount NOT NULL,
     reason text NOT NULL CHECK (reason <> ''),
     booked_by text NOT NULL,
     booked_at timestamptz NOT NULL,
     UNIQUE (venue, account, idempotency_key)
   )`,
  `CREATE INDEX transfers_by_account ON transfers (venue, account, id DESC)`,
  `CREATE TRIGGER transfers_only_grow BEFORE UPDATE OR DELETE ON transfers FOR EACH ROW EXECUTE FUNCTION refuse_change()`,
];
