import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Reports keep the order of their fields and every digit as they were written; jsonb sorts the one and rewrites the other. */
export class ReportAsWritten1764000000005 implements MigrationInterface {
  readonly name = 'ReportAsWritten1764000000005';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE run_reports ALTER COLUMN report TYPE json USING report::json`);
  }

  down(): Promise<void> {
    throw new Error('migrations only go forward; restore a backup instead');
  }
}
