import type { ClusterDatabase } from './cluster-database.js';

/** A sign of life of the pipeline `witness`; `at` in milliseconds since 1970 by the database's clock. */
export interface Testimony {
  seq: number;
  runId: string;
  epoch: number;
  pid: number;
  stage: string;
  kind: 'begin' | 'beat' | 'end' | 'fail' | 'abort';
  at: number;
}

/** Makes the table that the pipeline `witness` writes to. Give it to `Cluster.start` as `prepare`. */
export async function createWitnessTable(database: ClusterDatabase): Promise<void> {
  await database.query(`
    CREATE TABLE witness (
      seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      run_id uuid NOT NULL,
      epoch integer NOT NULL,
      pid integer NOT NULL,
      stage text NOT NULL,
      kind text NOT NULL,
      at timestamptz NOT NULL
    )`);
  await database.query('CREATE INDEX witness_by_run ON witness (run_id, seq)');
}

/** Everything that was witnessed, in the order in which the database heard it. */
export function readWitness(database: ClusterDatabase): Promise<Testimony[]> {
  return database.query<Testimony>(
    `SELECT seq::int, run_id AS "runId", epoch, pid, stage, kind, extract(epoch FROM at)::float8 * 1000 AS at
     FROM witness ORDER BY seq`,
  );
}
