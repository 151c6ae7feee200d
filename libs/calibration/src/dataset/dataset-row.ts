/** One resolved market of a dataset. */
export interface DatasetRow {
  /** Line of the file on which the row starts; the header is on line 1. */
  line: number;
  marketId: string;
  platform: string | null;
  category: string | null;
  question: string | null;
  /** Probability given to YES, in [0, 1]. */
  probability: number;
  /** 1 when YES happened. */
  outcome: 0 | 1;
  /** Time of the probability, ISO 8601 with its zone. */
  asOf: string | null;
  /** Time of the result, ISO 8601 with its zone. */
  resolvedAt: string | null;
}

/** What is wrong with a dataset, and where. */
export interface DatasetFault {
  line: number;
  /** Null when no single column is at fault. */
  column: string | null;
  message: string;
}

/** Some consecutive rows of a dataset, as they were read. */
export interface DatasetBatch {
  rows: DatasetRow[];
  /** Market ids of rows with faults: such a row is lost, but a later one with its id is a duplicate all the same. */
  faultyIds: { line: number; marketId: string }[];
  faults: DatasetFault[];
}

/** Reads a file in batches of bounded size, in its order. What it gives is worth something only if no batch has had a fault. */
export interface DatasetReader extends AsyncIterable<DatasetBatch> {
  /** Names of what the file has beyond a dataset's columns, in the order of the file. Known when all has been read. */
  readonly ignoredColumns: readonly string[];
}

/** Most columns that a file may have, known or not: their names are stored. */
export const MAX_COLUMNS = 1_000;
/** In UTF-16 code units. */
export const MAX_COLUMN_NAME_LENGTH = 256;

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
