import type { ClusterDatabase } from '../support/cluster-database.js';

/** Name of a dataset whose calibration lasts for some seconds. */
export const LONG_DATASET = 'long';
/** Name of a dataset whose calibration lasts for minutes. */
export const ENDLESS_DATASET = 'endless';

/**
 * Datasets of two rows that lie far apart: whoever reads them asks for one page of 5,000 lines after the other, so that a run takes
 * its time without much being stored.
 */
export async function addLongDatasets(database: ClusterDatabase): Promise<void> {
  for (const [name, pages] of [
    [LONG_DATASET, 4_000],
    [ENDLESS_DATASET, 400_000],
  ] as const) {
    await database.query(
      `WITH version AS (
         INSERT INTO dataset_versions (id, dataset, state, rows) VALUES (gen_random_uuid(), $1, 'current', 2) RETURNING id
       ), dataset AS (
         INSERT INTO datasets (name, version_id, rows, bytes, sha256, ignored_columns) SELECT $1, id, 2, 1, '', '{}' FROM version
       )
       INSERT INTO dataset_rows (version_id, line, market_id, probability, outcome)
       SELECT id, line, 'market-' || line, 0.5, line % 2 FROM version, unnest($2::integer[]) AS line`,
      [name, [2, pages * 5_000 + 1]],
    );
  }
}
