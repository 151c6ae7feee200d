import type { ClusterDatabase } from '../support/cluster-database.js';
import { createWitnessTable, readWitness, type Testimony } from '../support/cluster-witness.js';
import type { RunStatus } from '../../libs/execution/src/run.js';
import { FLATTEN_TRIGGERS, type FlattenEvidence, readFlattenEvidence } from './flatten-evidence.js';
import { ORDER_TRIGGERS, type OrderEvidence, readOrderEvidence } from './order-evidence.js';
import type { Level } from './schedule.js';

/** A change of a run's status or epoch, written by a trigger in the transaction that made it. */
export interface RunChange {
  seq: number;
  runId: string;
  from: RunStatus | null;
  to: RunStatus;
  epoch: number;
  transaction: string;
  /** When the statement was carried out; its commit came later. */
  at: number;
}

export interface RunRow {
  id: string;
  status: RunStatus;
  mode: string;
  strategy: string;
  dryRun: boolean;
  notes: string;
  key: string | null;
  attempt: number;
  failures: number;
  failure: { stage: string; reason: string } | null;
}

export interface SwitchChange {
  scope: string;
  version: number;
  enabled: boolean;
  level: Level | null;
  /** When the statement was carried out, under the lock that keeps admissions out; its commit came later. */
  at: number;
}

export interface EventRow {
  event: string;
  runId: string | null;
  scope: string | null;
  version: number | null;
}

export interface StageCompletion {
  runId: string;
  stage: string;
  at: number;
}

/** What the database holds when all is over. */
export interface Evidence extends OrderEvidence, FlattenEvidence {
  runs: ReadonlyMap<string, RunRow>;
  /** By run, in order. */
  changes: ReadonlyMap<string, RunChange[]>;
  witness: ReadonlyMap<string, Testimony[]>;
  completions: StageCompletion[];
  switches: SwitchChange[];
  events: EventRow[];
}

const MILLISECONDS = (column: string) => `extract(epoch FROM ${column})::float8 * 1000`;

/** Makes the tables and triggers by which the suite sees what happens inside the database. Nothing of it is part of the product. */
export async function prepareEvidence(database: ClusterDatabase): Promise<void> {
  await createWitnessTable(database);
  await database.query(`
    CREATE TABLE chaos_runs (seq bigint GENERATED ALWAYS AS IDENTITY, run_id uuid, old_status text, new_status text,
                             epoch integer, transaction xid8 DEFAULT pg_current_xact_id(),
                             at timestamptz DEFAULT clock_timestamp());
    CREATE TABLE chaos_switches (scope text, version integer, enabled boolean, level text,
                                 at timestamptz DEFAULT clock_timestamp());
    CREATE TABLE chaos_stages (run_id uuid, name text, at timestamptz DEFAULT clock_timestamp());

    CREATE FUNCTION chaos_run_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'INSERT' THEN
        INSERT INTO chaos_runs (run_id, new_status, epoch) VALUES (NEW.id, NEW.status, NEW.epoch);
      ELSIF OLD.status <> NEW.status OR OLD.epoch <> NEW.epoch THEN
        INSERT INTO chaos_runs (run_id, old_status, new_status, epoch) VALUES (NEW.id, OLD.status, NEW.status, NEW.epoch);
      END IF;
      RETURN NULL;
    END $$;
    CREATE TRIGGER chaos AFTER INSERT OR UPDATE ON runs FOR EACH ROW EXECUTE FUNCTION chaos_run_changed();

    CREATE FUNCTION chaos_switch_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO chaos_switches VALUES (NEW.scope, NEW.version, NEW.enabled, NEW.level);
      RETURN NULL;
    END $$;
    CREATE TRIGGER chaos AFTER INSERT OR UPDATE ON kill_switches FOR EACH ROW EXECUTE FUNCTION chaos_switch_changed();

    CREATE FUNCTION chaos_stage_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO chaos_stages (run_id, name) VALUES (NEW.run_id, NEW.name);
      RETURN NULL;
    END $$;
    CREATE TRIGGER chaos AFTER UPDATE ON run_stages FOR EACH ROW WHEN (NEW.status = 'COMPLETED' AND OLD.status <> 'COMPLETED')
      EXECUTE FUNCTION chaos_stage_changed();
    ${ORDER_TRIGGERS}
    ${FLATTEN_TRIGGERS}`);
}

export async function readEvidence(database: ClusterDatabase): Promise<Evidence> {
  const runs = await database.query<RunRow>(
    `SELECT id, status, mode, strategy, dry_run AS "dryRun", notes, idempotency_key AS key, attempt, failures,
            failure
     FROM runs`,
  );
  const changes = await database.query<RunChange>(
    `SELECT seq::int, run_id AS "runId", old_status AS "from", new_status AS "to", epoch, transaction::text,
            ${MILLISECONDS('at')} AS at
     FROM chaos_runs ORDER BY seq`,
  );
  return {
    runs: new Map(runs.map((run) => [run.id, run])),
    changes: byRun(changes),
    witness: byRun(await readWitness(database)),
    completions: await database.query(
      `SELECT run_id AS "runId", name AS stage, ${MILLISECONDS('at')} AS at FROM chaos_stages`,
    ),
    switches: await database.query(
      `SELECT scope, version, enabled, level, ${MILLISECONDS('at')} AS at FROM chaos_switches ORDER BY scope, version`,
    ),
    ...(await readOrderEvidence(database)),
    ...(await readFlattenEvidence(database)),
    events: await database.query(
      `SELECT event, run_id AS "runId", details->>'scope' AS scope, (details->>'version')::int AS version FROM ops_events`,
    ),
  };
}

function byRun<T extends { runId: string }>(rows: readonly T[]): Map<string, T[]> {
  const grouped = new Map<string, T[]>();
  for (const row of rows) {
    const group = grouped.get(row.runId);
    if (group === undefined) grouped.set(row.runId, [row]);
    else group.push(row);
  }
  return grouped;
}
