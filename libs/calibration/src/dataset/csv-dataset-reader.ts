import { withoutByteOrderMark } from './byte-order-mark.js';
import { CsvScanner } from './csv-scanner.js';
import type { DatasetFaults } from './dataset-faults.js';
import {
  DATASET_COLUMNS,
  type DatasetReader,
  MAX_COLUMN_NAME_LENGTH,
  MAX_COLUMNS,
  REQUIRED_COLUMNS,
  type RowBlock,
  type RowFields,
} from './dataset-row.js';
import type { RowEncoder } from './row-encoder.js';

/** Input is looked at in pieces of at most this size, so that one large buffer makes neither a large copy nor a long pause. */
const PIECE_BYTES = 65_536;

/**
 * Reads a dataset from the bytes of a CSV file (columns and rules: README, "Your own data"; format: RFC 4180, `CsvScanner`). A byte
 * order mark and empty lines are skipped. Market ids that occur twice are left to the reader's user, who keeps the ids anyway.
 * Errors of the source are passed on.
 *
 * After something that keeps the rest from being understood, the source is read to its end without being looked at: whoever sends
 * it hears of an answer only after they have sent all.
 */
export class CsvDatasetReader implements DatasetReader {
  /** Names of the columns that are not part of a dataset, in the order of the file. Known after the header. */
  ignoredColumns: readonly string[] = [];
  private readonly scanner = new CsvScanner();
  private readonly fields: RowFields = {
    bytes: this.scanner.bytes,
    starts: new Int32Array(DATASET_COLUMNS.length),
    ends: new Int32Array(DATASET_COLUMNS.length),
  };
  /** Place in a record of each of the dataset's columns; undefined where the file has none. */
  private places: (number | undefined)[] | undefined;
  private width = 0;
  private hasRows = false;
  private isIgnoring = false;

  /** Can be iterated once, since the source is consumed. */
  constructor(
    private readonly source: AsyncIterable<Uint8Array>,
    private readonly rows: RowEncoder,
    private readonly faults: DatasetFaults,
  ) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<RowBlock> {
    for await (const piece of inPieces(withoutByteOrderMark(this.source))) {
      if (this.isIgnoring) continue;
      this.scanner.write(piece);
      yield* this.blocks();
    }
    this.scanner.end();
    yield* this.blocks();
    if (!this.isIgnoring && !this.hasRows) {
      this.faults.add(1, null, this.places === undefined ? 'the file is empty' : 'there are no rows');
    }
    yield this.rows.take();
  }

  /** Reads the records that are complete; yields the blocks that they fill. */
  private *blocks(): Generator<RowBlock> {
    while (!this.isIgnoring && this.scanner.next()) {
      if (this.places === undefined) this.isIgnoring = !this.readHeader();
      else this.readRow(this.places);
      if (this.rows.isFull) yield this.rows.take();
    }
    const { defect } = this.scanner;
    if (this.isIgnoring || defect === undefined) return;
    this.faults.add(defect.line, null, defect.message);
    this.isIgnoring = true;
  }

  /** False when nothing after it can be understood. */
  private readHeader(): boolean {
    const { faults, scanner } = this;
    const { line } = scanner;
    if (scanner.fieldCount > MAX_COLUMNS) {
      faults.add(line, null, `the header has more than ${MAX_COLUMNS} columns`);
      return false;
    }
    const before = faults.count;
    const places = new Map<string, number>();
    for (let place = 0; place < scanner.fieldCount; place += 1) {
      const name = decodedUtf8(scanner.bytes.subarray(scanner.startOf(place), scanner.endOf(place)));
      if (name === null || name.includes('\0') || name.length > MAX_COLUMN_NAME_LENGTH) {
        const limit = `is not UTF-8, contains NUL or has over ${MAX_COLUMN_NAME_LENGTH} characters`;
        faults.add(line, null, `the name of column ${place + 1} ${limit}`);
      } else if (places.has(name)) faults.add(line, name, 'the column occurs twice');
      else places.set(name, place);
    }
    for (const column of REQUIRED_COLUMNS) if (!places.has(column)) faults.add(line, column, 'the column is missing');
    this.width = scanner.fieldCount;
    this.places = DATASET_COLUMNS.map((name) => places.get(name));
    this.ignoredColumns = [...places.keys()].filter((name) => !DATASET_COLUMNS.some((column) => column === name));
    return faults.count === before;
  }

  private readRow(places: readonly (number | undefined)[]): void {
    const { fields, scanner } = this;
    this.hasRows = true;
    if (scanner.fieldCount !== this.width) {
      this.faults.add(scanner.line, null, `the row has ${scanner.fieldCount} fields, the header ${this.width}`);
      return;
    }
    fields.bytes = scanner.bytes;
    for (let column = 0; column < places.length; column += 1) {
      const place = places[column];
      fields.starts[column] = place === undefined ? 0 : scanner.startOf(place);
      fields.ends[column] = place === undefined ? 0 : scanner.endOf(place);
    }
    this.rows.row(scanner.line, fields);
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Null when the bytes are not UTF-8. */
function decodedUtf8(bytes: Uint8Array): string | null {
  try {
    return UTF8.decode(bytes);
  } catch {
    return null;
  }
}

async function* inPieces(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    for (let from = 0; from < chunk.length; from += PIECE_BYTES) yield chunk.subarray(from, from + PIECE_BYTES);
  }
}
