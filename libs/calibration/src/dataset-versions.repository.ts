import { isUniqueViolation, newId, Transactions } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { copyRows } from './copy-rows.js';
import type { DatasetBatch, DatasetRow } from './dataset/dataset-row.js';
import {
  DATASET_FIELDS,
  type DatasetInfo,
  type DatasetRecord,
  storedDataset,
  type StoredDataset,
} from './datasets.repository.js';

/** A row whose market id another row of the same version had already. */
export interface DuplicateMarketId {
  line: number;
  firstLine: number;
}

/** An import into which nothing was written for this long belongs to a process that died. */
export const ABANDONED_AFTER = '15 minutes';
/**
 * Writes versions of datasets: staged, filled, then published in the place of the one before, or discarded. Each statement is a
 * transaction of its own, since rows arrive as slowly as whoever sends them likes.
 */
@Injectable()
export class DatasetVersions {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly transactions: Transactions,
  ) {}

  /** Begins a version; nobody sees it until it is published. */
  async stage(dataset: string): Promise<string> {
    const id = newId();
    await this.dataSource.query(`INSERT INTO dataset_versions (id, dataset, state) VALUES ($1, $2, 'staging')`, [
      id,
      dataset,
    ]);
    return id;
  }

  /**
   * Adds a batch to a staged version and tells which market ids it had already.
   * @throws Error when the version was given up because nothing had been added for 15 minutes
   */
  async append(versionId: string, batch: DatasetBatch): Promise<DuplicateMarketId[]> {
    const rows = [...batch.rows, ...batch.faultyIds.map(placeholder)].toSorted((a, b) => a.line - b.line);
    if (rows.length === 0) return [];
    try {
      await this.transactions.run(async (tx) => {
        // Locks the version's row: either our rows are committed before anybody takes the import for abandoned, or there is no
        // staged version any more and nothing is added.
        if ((await changed(tx, `state = 'staging' WHERE id = $1 AND state = 'staging'`, [versionId])) !== 1)
          throw givenUp();
        await copyRows(tx, versionId, rows);
      });
      return [];
    } catch (error) {
      if (!isUniqueViolation(error, 'dataset_rows_market_id')) throw error;
      return this.appendWithDuplicates(versionId, rows);
    }
  }

  /** Much slower than COPY, which tells only that there is a duplicate. */
  private async appendWithDuplicates(versionId: string, rows: readonly DatasetRow[]): Promise<DuplicateMarketId[]> {
    const [added] = await this.dataSource.query<{ staged: boolean; duplicates: number[] }[]>(
      `WITH staged AS (
         UPDATE dataset_versions SET changed_at = clock_timestamp() WHERE id = $1 AND state = 'staging' RETURNING id
       ), given AS (
         SELECT * FROM unnest($2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::double precision[],
                              $8::smallint[], $9::timestamptz[], $10::timestamptz[])
           AS t (line, market_id, platform, category, question, probability, outcome, as_of, resolved_at)
       ), added AS (
         INSERT INTO dataset_rows
           (version_id, line, market_id, platform, category, question, probability, outcome, as_of, resolved_at)
         SELECT staged.id, given.* FROM staged, given ORDER BY given.line
         ON CONFLICT ON CONSTRAINT dataset_rows_market_id DO NOTHING
         RETURNING line
       )
       SELECT EXISTS (SELECT FROM staged) AS staged,
              ARRAY(SELECT line FROM given EXCEPT SELECT line FROM added ORDER BY line) AS duplicates`,
      [versionId, ...columnsOf(rows)],
    );
    if (added?.staged !== true) throw givenUp();
    return this.firstLines(versionId, rows, new Set(added.duplicates));
  }

  /** Makes a staged version the current one of its dataset. What was current before can be read for an hour more. */
  publish(
    versionId: string,
    dataset: Omit<DatasetInfo, 'importedAt'>,
  ): Promise<{ created: boolean; importedAt: Date }> {
    const { name, rows, bytes, sha256, ignoredColumns } = dataset;
    return this.transactions.run(async (tx) => {
      // Locks the name, so that of two imports that end together the second sees and replaces the first.
      const [published] = await tx.query<{ importedAt: Date }[]>(
        `INSERT INTO datasets (name, version_id, rows, bytes, sha256, ignored_columns) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (name) DO UPDATE SET version_id = excluded.version_id, rows = excluded.rows, bytes = excluded.bytes,
           sha256 = excluded.sha256, ignored_columns = excluded.ignored_columns, imported_at = clock_timestamp()
         RETURNING imported_at AS "importedAt"`,
        [name, versionId, rows, bytes, sha256, ignoredColumns],
      );
      const replaced = await changed(tx, `state = 'replaced' WHERE dataset = $1 AND state = 'current'`, [name]);
      const made = await changed(tx, `state = 'current', rows = $2 WHERE id = $1 AND state = 'staging'`, [
        versionId,
        rows,
      ]);
      if (published === undefined || made !== 1) throw new Error('the import was given up before it was complete');
      return { created: replaced === 0, importedAt: published.importedAt };
    });
  }

  /** Takes a dataset away; null when there is none. Runs that have begun to read its rows can do so for an hour more. */
  withdraw(name: string): Promise<StoredDataset | null> {
    return this.transactions.run(async (tx) => {
      // Locks the name against imports that are being published.
      const [withdrawn] = await tx.query<DatasetRecord[]>(
        `WITH gone AS (DELETE FROM datasets WHERE name = $1 RETURNING *) SELECT ${DATASET_FIELDS} FROM gone`,
        [name],
      );
      if (withdrawn === undefined) return null;
      await changed(tx, `state = 'replaced' WHERE id = $1`, [withdrawn.versionId]);
      return storedDataset(withdrawn);
    });
  }

  /** Gives a version up that was not published, for removal; does nothing to one that was. */
  async discard(versionId: string): Promise<void> {
    // As if somebody had begun long ago to remove it: it is taken up at once.
    await this.dataSource.query(
      `UPDATE dataset_versions SET state = 'removing', changed_at = '-infinity' WHERE id = $1 AND state = 'staging'`,
      [versionId],
    );
  }

  private async firstLines(
    versionId: string,
    rows: readonly DatasetRow[],
    duplicates: ReadonlySet<number>,
  ): Promise<DuplicateMarketId[]> {
    if (duplicates.size === 0) return [];
    const repeated = rows.filter((row) => duplicates.has(row.line));
    const firsts = await this.dataSource.query<{ marketId: string; line: number }[]>(
      `SELECT market_id AS "marketId", line FROM dataset_rows WHERE version_id = $1 AND market_id = ANY ($2::text[])`,
      [versionId, repeated.map((row) => row.marketId)],
    );
    const lineOf = new Map(firsts.map((first) => [first.marketId, first.line]));
    return repeated.map(({ line, marketId }) => ({ line, firstLine: lineOf.get(marketId) ?? line }));
  }
}

function givenUp(): Error {
  return new Error(`the import was given up: nothing had arrived for ${ABANDONED_AFTER}`);
}

/**
 * Stands in for a row with faults, so that a later row with its market id is found to be a duplicate. A version with faults is never
 * published, so nobody ever reads the made-up values.
 */
function placeholder({ line, marketId }: { line: number; marketId: string }): DatasetRow {
  const unknown = { platform: null, category: null, question: null, asOf: null, resolvedAt: null };
  return { line, marketId, ...unknown, probability: 0, outcome: 0 };
}

/** One array per column: a parameter per value would run into the protocol's limit of 65,535. */
function columnsOf(rows: readonly DatasetRow[]): unknown[][] {
  return [
    rows.map((row) => row.line),
    rows.map((row) => row.marketId),
    rows.map((row) => row.platform),
    rows.map((row) => row.category),
    rows.map((row) => row.question),
    rows.map((row) => row.probability),
    rows.map((row) => row.outcome),
    rows.map((row) => row.asOf),
    rows.map((row) => row.resolvedAt),
  ];
}

/** Changes versions and tells how many. */
async function changed(
  database: { query<T>(sql: string, parameters: unknown[]): Promise<T> },
  change: string,
  parameters: unknown[],
): Promise<number> {
  const rows = await database.query<unknown[]>(
    `WITH changed AS (UPDATE dataset_versions SET changed_at = clock_timestamp(), ${change} RETURNING id)
     SELECT id FROM changed`,
    parameters,
  );
  return rows.length;
}
