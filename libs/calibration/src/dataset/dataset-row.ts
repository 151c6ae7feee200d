/** What is wrong with a dataset, and where. */
export interface DatasetFault {
  line: number;
  /** Null when no single column is at fault. */
  column: string | null;
  message: string;
}

/** Most columns that a file may have, known or not: their names are stored. */
export const MAX_COLUMNS = 1_000;
/** In UTF-16 code units. */
export const MAX_COLUMN_NAME_LENGTH = 256;

/** In the order of the database's table. */
export const DATASET_COLUMNS = [
  'market_id',
  'platform',
  'category',
  'question',
  'probability',
  'outcome',
  'as_of',
  'resolved_at',
] as const;

export type DatasetColumn = (typeof DATASET_COLUMNS)[number];

export const REQUIRED_COLUMNS: readonly DatasetColumn[] = ['market_id', 'probability', 'outcome'];

/** The bytes of one row's fields, and where among them each column is: in the order of `DATASET_COLUMNS`, UTF-8, absent ones empty. */
export interface RowFields {
  bytes: Buffer;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** Consecutive rows of a file, ready to be stored. */
export interface RowBlock {
  rows: number;
  /** In COPY's binary format, without its header and trailer (`copy-rows.ts`). */
  bytes: Uint8Array;
}

/**
 * Reads a file in blocks of bounded size, in its order. What it gives is worth something only if there is no fault when it has been
 * read to its end.
 */
export interface DatasetReader extends AsyncIterable<RowBlock> {
  /** Names of what the file has beyond a dataset's columns, in the order of the file. Known when all has been read. */
  readonly ignoredColumns: readonly string[];
}
