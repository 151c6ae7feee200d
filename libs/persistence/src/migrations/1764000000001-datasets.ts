import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Datasets of resolved markets: what each name holds at present, and the rows of each version. */
export class Datasets1764000000001 implements MigrationInterface {
  readonly name = 'Datasets1764000000001';

  async up(runner: QueryRunner): Promise<void> {
    // A version's life: staging (rows arrive) → current → replaced (still read by runs) → removing. `changed_at` is when
    // it took its state, or got its last rows while staging, or lost some while removing; `rows` is known from current on.
    await runner.query(`
      CREATE TABLE dataset_versions (
        id uuid PRIMARY KEY,
        dataset text NOT NULL,
        state text NOT NULL CHECK (state IN ('staging', 'current', 'replaced', 'removing')),
        changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        rows integer,
        CHECK (state NOT IN ('current', 'replaced') OR rows > 0)
      )`);
    await runner.query(
      `CREATE UNIQUE INDEX dataset_versions_current ON dataset_versions (dataset) WHERE state = 'current'`,
    );
    await runner.query(`
      CREATE TABLE datasets (
        name text PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
        version_id uuid NOT NULL REFERENCES dataset_versions,
        rows integer NOT NULL CHECK (rows > 0),
        bytes bigint NOT NULL CHECK (bytes > 0),
        sha256 text NOT NULL,
        ignored_columns text[] NOT NULL,
        imported_at timestamptz NOT NULL DEFAULT clock_timestamp()
      )`);
    // No foreign key to the version: it would cost a check per row, and rows are only added under the version's row lock.
    await runner.query(`
      CREATE TABLE dataset_rows (
        version_id uuid NOT NULL,
        line integer NOT NULL,
        market_id text NOT NULL,
        platform text,
        category text,
        question text,
        probability double precision NOT NULL CHECK (probability BETWEEN 0 AND 1),
        outcome smallint NOT NULL CHECK (outcome IN (0, 1)),
        as_of timestamptz,
        resolved_at timestamptz,
        PRIMARY KEY (version_id, line),
        CONSTRAINT dataset_rows_market_id UNIQUE (version_id, market_id)
      )`);
  }

  down(): Promise<void> {
    throw new Error('migrations only go forward; restore a backup instead');
  }
}
