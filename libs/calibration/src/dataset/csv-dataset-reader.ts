import { BatchBuilder } from './batch-builder.js';
import type { RowText } from './check-row.js';
import { CsvRecords, decodeUtf8 } from './csv-records.js';
import type { CsvRecord } from './csv-scanner.js';
import {
  DATASET_COLUMNS,
  type DatasetBatch,
  type DatasetColumn,
  type DatasetReader,
  MAX_COLUMN_NAME_LENGTH,
  MAX_COLUMNS,
  REQUIRED_COLUMNS,
} from './dataset-row.js';

/**
 * Reads a dataset from the bytes of a CSV file (columns and rules: contracts.md, "Dataset"), in batches of bounded size and in the
 * order of the file. The rows are worth something only if no batch has had a fault by the time the last one has been read.
 * Market ids that occur twice are left to the reader's user, who keeps the ids anyway. Errors of the source are passed on.
 */
export class CsvDatasetReader implements DatasetReader {
  /** Names of the columns that are not part of a dataset, in the order of the file. Known after the first batch. */
  ignoredColumns: readonly string[] = [];
  /** Place of each known column in a record. */
  private places: ReadonlyMap<DatasetColumn, number> | undefined;
  private width = 0;
  private recordsRead = 0;
  private readonly batch = new BatchBuilder();

  /** Can be iterated once, since the source is consumed. */
  constructor(private readonly source: AsyncIterable<Uint8Array>) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<DatasetBatch> {
    const csv = new CsvRecords(this.source);
    let understood = true;
    for await (const { records, defect } of csv) {
      understood = records.every((record) => this.read(record));
      if (!understood) csv.ignoreRest();
      else if (defect !== undefined) {
        this.batch.fault(defect.line, null, defect.message);
        understood = false;
      }
      if (this.batch.isFull) yield this.batch.take();
    }
    if (understood && this.recordsRead === 0) {
      const message = this.places === undefined ? 'the file is empty' : 'there are no rows';
      this.batch.fault(1, null, message);
    }
    yield this.batch.take();
  }

  /** False when nothing after this record can be understood. */
  private read(record: CsvRecord): boolean {
    if (this.places === undefined) return this.readHeader(record);
    this.recordsRead += 1;
    this.readRow(record, this.places);
    return true;
  }

  private readHeader({ line, fields }: CsvRecord): boolean {
    const { batch } = this;
    const places = new Map<string, number>();
    if (fields.length > MAX_COLUMNS) {
      batch.fault(line, null, `the header has more than ${MAX_COLUMNS} columns`);
      return false;
    }
    let isRight = true;
    const refuse = (column: string | null, message: string) => {
      batch.fault(line, column, message);
      isRight = false;
    };
    fields.forEach((field, place) => {
      const name = decodeUtf8(field);
      if (name === null || name.includes('\0') || name.length > MAX_COLUMN_NAME_LENGTH) {
        const limit = `is not UTF-8, contains NUL or has over ${MAX_COLUMN_NAME_LENGTH} characters`;
        refuse(null, `the name of column ${place + 1} ${limit}`);
      } else if (places.has(name)) refuse(name, 'the column occurs twice');
      else places.set(name, place);
    });
    for (const column of REQUIRED_COLUMNS) if (!places.has(column)) refuse(column, 'the column is missing');
    this.width = fields.length;
    this.places = new Map(DATASET_COLUMNS.flatMap((name) => pairIfPresent(name, places.get(name))));
    this.ignoredColumns = [...places.keys()].filter((name) => !DATASET_COLUMNS.some((column) => column === name));
    return isRight;
  }

  private readRow({ line, fields }: CsvRecord, places: ReadonlyMap<DatasetColumn, number>): void {
    if (fields.length !== this.width) {
      this.batch.fault(line, null, `the row has ${fields.length} fields, the header ${this.width}`);
      return;
    }
    const text: RowText = {};
    for (const [column, place] of places) text[column] = decodeUtf8(fields[place] ?? '');
    this.batch.row(line, text);
  }
}

function pairIfPresent<K, V>(key: K, value: V | undefined): [K, V][] {
  return value === undefined ? [] : [[key, value]];
}
