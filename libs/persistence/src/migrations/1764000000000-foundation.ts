import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Kill switches, operational events, runs with their stages and reports. */
export class Foundation1764000000000 implements MigrationInterface {
  readonly name = 'Foundation1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE kill_switches (
        scope text PRIMARY KEY,
        enabled boolean NOT NULL,
        level text CHECK (level IN ('halt', 'reduce')),
        reason text,
        version integer NOT NULL CHECK (version >= 0),
        updated_at timestamptz NOT NULL,
        updated_by text NOT NULL,
        CHECK (enabled = (level IS NOT NULL))
      )`);
    await runner.query(`
      CREATE TABLE ops_events (
        id uuid PRIMARY KEY,
        event text NOT NULL,
        severity text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        source text NOT NULL,
        run_id uuid,
        job_id text,
        reason text,
        actor text,
        details jsonb NOT NULL DEFAULT '{}'
      )`);
    await runner.query(`CREATE INDEX ops_events_by_severity ON ops_events (severity, id DESC)`);
    await runner.query(`CREATE INDEX ops_events_by_event ON ops_events (event, id DESC)`);
    await runner.query(`CREATE INDEX ops_events_by_run ON ops_events (run_id, id DESC) WHERE run_id IS NOT NULL`);
    await runner.query(`
      CREATE TABLE runs (
        id uuid PRIMARY KEY,
        status text NOT NULL CHECK (status IN ('QUEUED', 'RETRYING', 'RUNNING', 'DRY_RUN_DONE', 'COMPLETED', 'FAILED',
                                               'ENQUEUE_FAILED', 'EXPIRED', 'BLOCKED', 'CANCELED')),
        mode text NOT NULL CHECK (mode IN ('mock', 'paper', 'live')),
        dry_run boolean NOT NULL,
        max_position numeric NOT NULL CHECK (max_position > 0),
        pipeline text NOT NULL,
        strategy text NOT NULL,
        input jsonb NOT NULL,
        notes text,
        attempt integer NOT NULL DEFAULT 0,
        epoch integer NOT NULL DEFAULT 0,
        lease_owner text,
        lease_expires_at timestamptz,
        failure jsonb,
        ended_by_scope text,
        ended_by_version integer,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        started_at timestamptz,
        finished_at timestamptz
      )`);
    await runner.query(`
      CREATE INDEX runs_unfinished ON runs (status, id) WHERE status IN ('QUEUED', 'RETRYING', 'RUNNING')`);
    await runner.query(`CREATE INDEX runs_by_strategy ON runs (strategy, id DESC)`);
    await runner.query(`CREATE INDEX runs_by_status ON runs (status, id DESC)`);
    await runner.query(`
      CREATE INDEX runs_by_switch ON runs (ended_by_scope, ended_by_version) WHERE ended_by_scope IS NOT NULL`);
    await runner.query(`
      CREATE TABLE run_stages (
        run_id uuid NOT NULL REFERENCES runs ON DELETE CASCADE,
        name text NOT NULL,
        position integer NOT NULL,
        status text NOT NULL CHECK (status IN ('RUNNING', 'COMPLETED', 'FAILED', 'CANCELED')),
        result jsonb,
        progress jsonb,
        started_at timestamptz NOT NULL,
        finished_at timestamptz,
        PRIMARY KEY (run_id, name)
      )`);
    await runner.query(`
      CREATE TABLE run_reports (
        run_id uuid PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
        report jsonb NOT NULL
      )`);
  }

  down(): Promise<void> {
    throw new Error('migrations only go forward; restore a backup instead');
  }
}
