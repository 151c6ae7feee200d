import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What lets runs survive: idempotency keys, retries, lost workers, cancels, nudges. */
export class RunSurvival1764000000004 implements MigrationInterface {
  readonly name = 'RunSurvival1764000000004';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE runs
        ADD COLUMN idempotency_key text,
        ADD COLUMN failures integer NOT NULL DEFAULT 0,
        ADD COLUMN worker_losses integer NOT NULL DEFAULT 0,
        ADD COLUMN retry_at timestamptz,
        ADD COLUMN cancel_requested_by text,
        ADD COLUMN cancel_requested_at timestamptz,
        ADD COLUMN nudges integer NOT NULL DEFAULT 0,
        ADD COLUMN nudged_at timestamptz NOT NULL DEFAULT clock_timestamp()`);
    // A run that never reached the queue has refused its start, which leaves the key free.
    await runner.query(`
      CREATE UNIQUE INDEX runs_by_idempotency_key ON runs (strategy, idempotency_key)
      WHERE idempotency_key IS NOT NULL AND status <> 'ENQUEUE_FAILED'`);
    await runner.query(
      `CREATE INDEX runs_waiting_for_nudge ON runs (nudged_at) WHERE status IN ('QUEUED', 'RETRYING')`,
    );
    await runner.query(`CREATE INDEX runs_by_lease ON runs (lease_expires_at) WHERE status = 'RUNNING'`);
  }

  down(): Promise<void> {
    throw new Error('migrations only go forward; restore a backup instead');
  }
}
