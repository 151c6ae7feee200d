import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { ScoredMarkets } from './report/calibration-scorer.js';

/** What is known of a dataset. */
export interface DatasetInfo {
  name: string;
  rows: number;
  /** Size of the file that was imported. */
  bytes: number;
  /** Of the bytes of that file, in lower-case hexadecimal. */
  sha256: string;
  /** ISO 8601 UTC. */
  importedAt: string;
  /** Columns of the file that are not part of a dataset. */
  ignoredColumns: string[];
}

/** A dataset and the version that it has at present. The rows of a version never change. */
export interface StoredDataset extends DatasetInfo {
  versionId: string;
}

/** Columns of table `datasets` under the names of `StoredDataset`. */
export const DATASET_FIELDS = `name, version_id AS "versionId", rows, bytes::double precision AS bytes, sha256,
  ignored_columns AS "ignoredColumns", imported_at AS "importedAt"`;

/** What a query for `DATASET_FIELDS` finds. */
export type DatasetRecord = Omit<StoredDataset, 'importedAt'> & { importedAt: Date };

export function storedDataset(record: DatasetRecord): StoredDataset {
  return { ...record, importedAt: record.importedAt.toISOString() };
}

/** The version does not exist, or it was replaced so long ago that its rows have been removed. */
export class DatasetVersionGone extends Error {
  constructor(readonly versionId: string) {
    super(`the rows of dataset version ${versionId} are gone; it was replaced or deleted`);
    this.name = 'DatasetVersionGone';
  }
}

/** Far below what a statement's time allows, and little enough to honour an abort at once. */
const LINES_PER_PAGE = 20_000;

/** How long a dataset that existed counts as existing, in milliseconds. */
const REMEMBERED_MS = 1_000;
const MOST_REMEMBERED = 1_000;

/** Reads datasets. */
@Injectable()
export class Datasets {
  private readonly seen = new Map<string, number>();

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** The dataset of that name as it is now, or null. */
  async find(name: string): Promise<StoredDataset | null> {
    const [dataset] = await this.dataSource.query<DatasetRecord[]>(
      `SELECT ${DATASET_FIELDS} FROM datasets WHERE name = $1`,
      [name],
    );
    return dataset === undefined ? null : storedDataset(dataset);
  }

  /**
   * True when there is such a dataset, or was within the last second: starts in a row do not ask for the same one each time. A run
   * must look for its dataset itself, which may be deleted at any time.
   */
  async exists(name: string): Promise<boolean> {
    if (performance.now() - (this.seen.get(name) ?? -Infinity) < REMEMBERED_MS) return true;
    const askedAt = performance.now();
    const exists = (await this.find(name)) !== null;
    if (this.seen.size >= MOST_REMEMBERED) this.seen.clear();
    if (exists) this.seen.set(name, askedAt);
    return exists;
  }

  /** At most `limit` datasets, those whose import began last first; `before` is the version after which they start. */
  async list(limit: number, before?: string): Promise<StoredDataset[]> {
    // Versions are UUIDv7: by time. A page stays right when its last dataset is replaced before the next one is asked for.
    const found = await this.dataSource.query<DatasetRecord[]>(
      `SELECT ${DATASET_FIELDS} FROM datasets
       WHERE $2::uuid IS NULL OR version_id < $2 ORDER BY version_id DESC LIMIT $1`,
      [limit, before ?? null],
    );
    return found.map(storedDataset);
  }

  /**
   * All rows of one version, page by page. They stay readable for an hour after the version was replaced.
   * @throws DatasetVersionGone when it does not exist, or its rows were removed while they were being read
   * @throws the signal's reason once the signal is aborted, checked at each page of at most 20,000 rows
   */
  async *pages(versionId: string, signal?: AbortSignal): AsyncGenerator<ScoredMarkets[]> {
    const { rows, lastLine } = await this.extentOf(versionId);
    let read = 0;
    let next = this.page(versionId, 0);
    for (let line = 0; line < lastLine; line += LINES_PER_PAGE) {
      signal?.throwIfAborted();
      const page = await next;
      signal?.throwIfAborted();
      // The server looks for the next page while this one is worked on.
      next = this.page(versionId, line + LINES_PER_PAGE);
      next.catch(() => undefined); // seen when it is waited for; nobody does when the reader stops here
      for (const { probabilities } of page) read += probabilities.length;
      if (page.length > 0) yield page;
    }
    // A version that is being removed reads as empty from one page to the next.
    if (read !== rows) throw new DatasetVersionGone(versionId);
  }

  private async extentOf(versionId: string): Promise<{ rows: number; lastLine: number }> {
    const [extent] = await this.dataSource.query<{ rows: number; lastLine: number }[]>(
      `SELECT rows, (SELECT max(line) FROM dataset_rows WHERE version_id = $1) AS "lastLine"
       FROM dataset_versions WHERE id = $1 AND state IN ('current', 'replaced')`,
      [versionId],
    );
    if (extent === undefined) throw new DatasetVersionGone(versionId);
    return extent;
  }

  /**
   * The rows on the lines after one; none once the version is being removed. Its state is read by the same statement, so it is as old
   * as the rows: a version that is not yet being removed has all of them.
   *
   * Pages are cut by line, not with LIMIT: right after an import the planner knows nothing of the new rows, and with an open end it
   * may choose to sort all that follow, for every page.
   *
   * The server puts together what is alike, so that a row takes eight bytes on the way here and no object of its own.
   */
  private async page(versionId: string, line: number): Promise<ScoredMarkets[]> {
    const groups = await this.dataSource.query<(Omit<ScoredMarkets, 'probabilities'> & { probabilities: Buffer })[]>(
      `SELECT platform, category, outcome, string_agg(float8send(probability), '') AS probabilities
       FROM dataset_rows
       WHERE version_id = $1 AND line > $2 AND line <= $3
         AND EXISTS (SELECT FROM dataset_versions WHERE id = $1 AND state IN ('current', 'replaced'))
       GROUP BY platform, category, outcome`,
      [versionId, line, line + LINES_PER_PAGE],
    );
    return groups.map((group) => ({ ...group, probabilities: doublesIn(group.probabilities) }));
  }
}

/** The numbers that `float8send` wrote one after the other. */
function doublesIn(bytes: Buffer): Float64Array {
  return Float64Array.from({ length: bytes.length / 8 }, (_, place) => bytes.readDoubleBE(8 * place));
}
