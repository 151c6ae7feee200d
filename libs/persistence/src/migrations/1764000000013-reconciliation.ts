import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What reconciliations have told, and trips of other switches than the global one. */
export class Reconciliation1764000000013 implements MigrationInterface {
  readonly name = 'Reconciliation1764000000013';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  down(): Promise<void> {
    throw new Error('migrations only go forward; restore a backup instead');
  }
}

const STATEMENTS = [
  // `told`: the differences that people were told of and that have not gone since, each as one text.
  `CREATE TABLE reconciliations (
     venue text NOT NULL,
     account text NOT NULL DEFAULT 'default',
     told text[] NOT NULL DEFAULT '{}',
     compared_at timestamptz,
     PRIMARY KEY (venue, account)
   )`,
  `ALTER TABLE auto_kill_switch_trips ADD COLUMN scope text NOT NULL DEFAULT 'global'`,
  // What would trip if it stays so: since when it has been seen without a break, and when last.
  `CREATE TABLE auto_kill_switch_signs (
     sign text PRIMARY KEY,
     since timestamptz NOT NULL,
     seen_at timestamptz NOT NULL
   )`,
];
