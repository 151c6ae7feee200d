import { newId, Transactions } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { ClientBase, QueryConfig, QueryResultRow } from 'pg';
import { DataSource } from 'typeorm';
import { copyRows } from './copy-rows.js';
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

export interface DuplicatesFound {
  count: number;
  first: DuplicateMarketId[];
}

/** An import into which nothing was written for this long belongs to a process that died. */
export const ABANDONED_AFTER = '15 minutes';
/** Longest search for duplicates. A million rows take about a second; the file's size bounds what it can be. */
const SEARCH_TIMEOUT_MS = 120_000;

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
   * Adds rows to a staged version.
   * @param rows as `RowEncoder` writes them
   * @throws Error when the version was given up because nothing had been added for 15 minutes
   */
  async append(versionId: string, rows: Uint8Array): Promise<void> {
    if (rows.length === 0) return;
    await this.transactions.run(async (tx) => {
      // Locks the version's row: either our rows are committed before anybody takes the import for abandoned, or there is no
      // staged version any more and nothing is added. The commit need not wait for the disk: publishing does, for all before it.
      const staged = await tx.query<unknown[]>(
        `WITH staged AS (
           UPDATE dataset_versions SET changed_at = clock_timestamp() WHERE id = $1 AND state = 'staging' RETURNING id
         )
         SELECT set_config('synchronous_commit', 'off', true) FROM staged`,
        [versionId],
      );
      if (staged.length === 0) throw new Error(`the import was given up: nothing had arrived for ${ABANDONED_AFTER}`);
      await copyRows(tx, rows);
    });
  }

  /**
   * How many rows of a staged version have a market id that an earlier line had already, and the first of them.
   * @throws the signal's reason, soon after it was aborted
   */
  duplicates(versionId: string, toldAtMost: number, signal?: AbortSignal): Promise<DuplicatesFound> {
    return this.transactions.run(async (tx) => {
      const client = (await tx.queryRunner?.connect()) as ClientBase;
      return this.whileWanted(client, signal, () => searchDuplicates(client, versionId, toldAtMost));
    });
  }

  /** Does what may take the server long, and has it end that at once when the signal is aborted. */
  private async whileWanted<T>(
    client: ClientBase,
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    const { processID } = client as unknown as { processID: number };
    let ending: Promise<unknown> | undefined;
    const end = () => {
      ending = this.dataSource.query('SELECT pg_cancel_backend($1)', [processID]).catch(() => undefined);
    };
    signal?.addEventListener('abort', end, { once: true });
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted(); // the server's error is only its consequence
      throw error;
    } finally {
      signal?.removeEventListener('abort', end);
      // Not before the server has been told: it could otherwise be somebody else's statement that ends.
      await ending;
    }
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
}

async function searchDuplicates(client: ClientBase, versionId: string, toldAtMost: number): Promise<DuplicatesFound> {
  await client.query(`SELECT set_config('statement_timeout', $1, true), set_config('work_mem', '64MB', true)`, [
    String(SEARCH_TIMEOUT_MS),
  ]);
  const search = <Row extends QueryResultRow>(text: string, values: unknown[]) =>
    client.query<Row>({ text, values, query_timeout: SEARCH_TIMEOUT_MS + 500 } as QueryConfig);
  // Numbers are sorted much faster than texts. Two ids may share a hash, so this can only rule duplicates out.
  const suspects = await search(
    `SELECT FROM dataset_rows WHERE version_id = $1
     GROUP BY hashtextextended(market_id, 0) HAVING count(*) > 1 LIMIT 1`,
    [versionId],
  );
  if (suspects.rowCount === 0) return { count: 0, first: [] };
  const { rows } = await search<DuplicateMarketId & { count: number }>(
    `SELECT line, first_line AS "firstLine", (count(*) OVER ())::integer AS count
     FROM (SELECT line, min(line) OVER (PARTITION BY market_id) AS first_line FROM dataset_rows WHERE version_id = $1) AS all_rows
     WHERE line > first_line ORDER BY line LIMIT $2`,
    [versionId, toldAtMost],
  );
  return { count: rows[0]?.count ?? 0, first: rows };
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
