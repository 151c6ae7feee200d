import { checkRow, type RowText } from './check-row.js';
import { CsvRecords, decodeUtf8 } from './csv-records.js';
import type { CsvRecord } from './csv-scanner.js';
import { DATASET_COLUMNS, type DatasetBatch, type DatasetColumn, REQUIRED_COLUMNS } from './dataset-row.js';

/** A batch is handed on as soon as it holds this many rows and faults, give or take one piece of input. */
const BATCH_SIZE = 8_192;
/** Most columns a header may have, known or not: their names are stored. */
const MAX_COLUMNS = 1_000;
const MAX_COLUMN_NAME_LENGTH = 256;

/**
 * Reads a dataset from the bytes of a CSV file (columns and rules: contracts.md, "Dataset"), in batches of bounded size and in the
 * order of the file. The rows are worth something only if no batch has had a fault by the time the last one has been read.
 * Market ids that occur twice are left to the reader's user, who keeps the ids anyway. Errors of the source are passed on.
 */
export class CsvDatasetReader implements AsyncIterable<DatasetBatch> {
  /** Names of the columns that are not part of a dataset, in the order of the file. Known after the first batch. */
  ignoredColumns: readonly string[] = [];
  /** Place of each known column in a record. */
  private places: ReadonlyMap<DatasetColumn, number> | undefined;
  private width = 0;
  private recordsRead = 0;
  private batch = emptyBatch();

  /** Can be iterated once, since the source is consumed. */
  constructor(private readonly source: AsyncIterable<Uint8Array>) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<DatasetBatch> {
    const csv = new CsvRecords(this.source);
    let understood = true;
    for await (const { records, defect } of csv) {
      understood = records.every((record) => this.read(record));
      if (!understood) csv.ignoreRest();
      else if (defect !== undefined) {
        this.batch.faults.push({ line: defect.line, column: null, message: defect.message });
        understood = false;
      }
      if (sizeOf(this.batch) >= BATCH_SIZE) yield this.takeBatch();
    }
    if (understood && this.recordsRead === 0) {
      const message = this.places === undefined ? 'the file is empty' : 'there are no rows';
      this.batch.faults.push({ line: 1, column: null, message });
    }
    yield this.takeBatch();
  }

  /** False when nothing after this record can be understood. */
  private read(record: CsvRecord): boolean {
    if (this.places === undefined) return this.readHeader(record);
    this.recordsRead += 1;
    this.readRow(record, this.places);
    return true;
  }

  private readHeader({ line, fields }: CsvRecord): boolean {
    const { faults } = this.batch;
    const places = new Map<string, number>();
    if (fields.length > MAX_COLUMNS) {
      faults.push({ line, column: null, message: `the header has more than ${MAX_COLUMNS} columns` });
      return false;
    }
    fields.forEach((field, place) => {
      const name = decodeUtf8(field);
      if (name === null || name.includes('\0') || name.length > MAX_COLUMN_NAME_LENGTH) {
        const message = `the name of column ${place + 1} is not UTF-8, contains NUL or has over ${MAX_COLUMN_NAME_LENGTH} characters`;
        faults.push({ line, column: null, message });
      } else if (places.has(name)) faults.push({ line, column: name, message: 'the column occurs twice' });
      else places.set(name, place);
    });
    for (const column of REQUIRED_COLUMNS) {
      if (!places.has(column)) faults.push({ line, column, message: 'the column is missing' });
    }
    this.width = fields.length;
    this.places = new Map(DATASET_COLUMNS.flatMap((name) => pairIfPresent(name, places.get(name))));
    this.ignoredColumns = [...places.keys()].filter((name) => !DATASET_COLUMNS.some((column) => column === name));
    return faults.length === 0;
  }

  private readRow({ line, fields }: CsvRecord, places: ReadonlyMap<DatasetColumn, number>): void {
    const { rows, faultyIds, faults } = this.batch;
    if (fields.length !== this.width) {
      const message = `the row has ${fields.length} fields, the header ${this.width}`;
      faults.push({ line, column: null, message });
      return;
    }
    const text: RowText = {};
    for (const [column, place] of places) text[column] = decodeUtf8(fields[place] ?? '');

    const checked = checkRow(line, text);
    faults.push(...checked.faults);
    if (checked.row !== null) rows.push(checked.row);
    else if (checked.marketId !== null) faultyIds.push({ line, marketId: checked.marketId });
  }

  private takeBatch(): DatasetBatch {
    const { batch } = this;
    this.batch = emptyBatch();
    return batch;
  }
}

function emptyBatch(): DatasetBatch {
  return { rows: [], faultyIds: [], faults: [] };
}

function sizeOf(batch: DatasetBatch): number {
  return batch.rows.length + batch.faultyIds.length + batch.faults.length;
}

function pairIfPresent<K, V>(key: K, value: V | undefined): [K, V][] {
  return value === undefined ? [] : [[key, value]];
}
