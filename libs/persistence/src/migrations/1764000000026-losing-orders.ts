import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a losing streak counted last, so that an order which loses in several fills counts once. */
export class LosingOrders1764000000026 implements MigrationInterface {
  readonly name = 'LosingOrders1764000000026';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE losing_streaks ADD COLUMN last_lost text');
  }

  down(): Promise<void> {
    throw new Error('migrations only go forward; restore a backup instead');
  }
}
