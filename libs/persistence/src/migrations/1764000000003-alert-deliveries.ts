import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What is to be told to which alert channel, and how far that has come. */
export class AlertDeliveries1764000000003 implements MigrationInterface {
  readonly name = 'AlertDeliveries1764000000003';

  async up(runner: QueryRunner): Promise<void> {
    // `attempts` counts attempts begun and so names the one under way; while it is, `next_attempt_at` is when its worker is
    // given up and the next may begin. `nudged_at` is when a job was last added for it, or was about to be.
    await runner.query(`
      CREATE TABLE alert_deliveries (
        id uuid PRIMARY KEY,
        event_id uuid NOT NULL REFERENCES ops_events ON DELETE CASCADE,
        channel text NOT NULL,
        status text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'DELIVERED', 'DEAD')),
        attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
        next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        nudged_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        last_error text,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        finished_at timestamptz,
        UNIQUE (event_id, channel),
        CHECK ((status = 'PENDING') = (finished_at IS NULL))
      )`);
    await runner.query(`
      CREATE INDEX alert_deliveries_due ON alert_deliveries (next_attempt_at) WHERE status = 'PENDING'`);
    await runner.query(`CREATE INDEX alert_deliveries_by_status ON alert_deliveries (status, id DESC)`);
  }

  down(): Promise<void> {
    throw new Error('migrations only go forward; restore a backup instead');
  }
}
