import type { DatasetInfo } from '@interlock/calibration';

export class DatasetAnswerBody implements DatasetInfo {
  /** @example 'sample' */
  name!: string;

  rows!: number;

  /** Size of the file. */
  bytes!: number;

  /** Of the file's bytes, in lower-case hexadecimal. */
  sha256!: string;

  /** ISO 8601, UTC. */
  importedAt!: string;

  /** Columns of the file that a dataset does not have. */
  ignoredColumns!: string[];
}

export class DatasetAnswer {
  ok!: true;

  dataset!: DatasetAnswerBody;
}

export class DatasetsAnswer {
  ok!: true;

  /** Newest first. */
  items!: DatasetAnswerBody[];

  /** For the next page; null on the last one. */
  nextCursor!: string | null;
}

/** Leaves out what only the inside knows. */
export function datasetBody({ name, rows, bytes, sha256, importedAt, ignoredColumns }: DatasetInfo): DatasetAnswerBody {
  return { name, rows, bytes, sha256, importedAt, ignoredColumns };
}
