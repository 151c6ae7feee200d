import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Market ids that occur twice are looked for once all rows of a version are there, before it is published: keeping an index of them
 * row by row took as long as everything else of an import together.
 */
export class DatasetDuplicates1764000000006 implements MigrationInterface {
  readonly name = 'DatasetDuplicates1764000000006';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE dataset_rows DROP CONSTRAINT dataset_rows_market_id');
  }

  down(): Promise<void> {
    throw new Error('migrations only go forward; restore a backup instead');
  }
}
