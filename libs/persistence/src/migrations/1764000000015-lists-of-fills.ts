import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Fills are listed by strategy and by market, newest first: without these, a filter with few matches reads all that there are. */
export class ListsOfFills1764000000015 implements MigrationInterface {
  readonly name = 'ListsOfFills1764000000015';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE INDEX fills_by_strategy ON fills (strategy, id DESC)');
    await runner.query('CREATE INDEX fills_by_market ON fills (venue, market, id DESC)');
  }

  down(): Promise<void> {
    throw new Error('migrations only go forward; restore a backup instead');
  }
}
