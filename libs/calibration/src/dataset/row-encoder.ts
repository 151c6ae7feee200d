import { isUtf8 } from 'node:buffer';
import type { DatasetFaults } from './dataset-faults.js';
import { DATASET_COLUMNS, type DatasetColumn, type RowBlock, type RowFields } from './dataset-row.js';
import { parseTime } from './parse-time.js';

/** Longest texts, in UTF-16 code units. */
const MAX_LENGTH: Record<DatasetColumn, number> = {
  market_id: 256,
  platform: 256,
  category: 256,
  question: 4_000,
  probability: 400,
  outcome: 400,
  as_of: 64,
  resolved_at: 64,
};
const COLUMN = Object.fromEntries(DATASET_COLUMNS.map((name, place) => [name, place])) as Record<DatasetColumn, number>;
const LONGEST = DATASET_COLUMNS.map((name) => MAX_LENGTH[name]);

/** A block takes some milliseconds to store, which is how soon an import can end early. */
const BLOCK_BYTES = 1_048_576;
/** More than the longest row takes: its texts have up to three bytes per UTF-16 code unit. */
const MAX_ROW_BYTES = 16_384;
/** Fields of a row in the database: version, line, and the dataset's columns. */
const FIELDS = 2 + DATASET_COLUMNS.length;
const NULL = -1;

/** With an exponent too: pandas and JavaScript write 0.00001 as 1e-05 and 1e-5. */
const DECIMAL = /^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * Checks rows and writes them as they go into table `dataset_rows`, in COPY's binary format (PostgreSQL manual, "COPY", "Binary
 * Format"): numbers and times are read once, here, and the texts' bytes are passed on as they came.
 */
export class RowEncoder {
  private block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  private view = new DataView(this.block.buffer);
  private length = 0;
  private rows = 0;
  private readonly version: Uint8Array;

  /** @param versionId of the version that the rows belong to */
  constructor(
    versionId: string,
    private readonly faults: DatasetFaults,
  ) {
    this.version = Buffer.from(versionId.replaceAll('-', ''), 'hex');
  }

  /** Whether the block must be taken before the next row. */
  get isFull(): boolean {
    return this.length > BLOCK_BYTES - MAX_ROW_BYTES;
  }

  /** What was written since the last time. */
  take(): RowBlock {
    const { rows } = this;
    const bytes = this.block.subarray(0, this.length);
    this.block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    this.view = new DataView(this.block.buffer);
    this.length = 0;
    this.rows = 0;
    return { rows, bytes };
  }

  /**
   * Adds a row, or tells everything that is wrong with it. A faulty row is stored without its values if it has a market id, so that
   * a later row with its id is found to be a duplicate: a version with faults is never published, so nobody reads it.
   */
  row(line: number, fields: RowFields): void {
    const { length: start } = this;
    const before = this.faults.count;
    this.begin(line);
    const hasId = this.text(line, fields, COLUMN.market_id, true);
    const afterId = this.length;
    this.text(line, fields, COLUMN.platform);
    this.text(line, fields, COLUMN.category);
    this.text(line, fields, COLUMN.question);
    this.probability(line, fields);
    this.outcome(line, fields);
    this.time(line, fields, COLUMN.as_of);
    this.time(line, fields, COLUMN.resolved_at);
    if (this.faults.count > before) {
      this.length = hasId ? afterId : start;
      if (hasId) this.withoutValues();
    }
    this.rows += 1;
  }

  private begin(line: number): void {
    this.view.setInt16(this.length, FIELDS);
    this.view.setInt32(this.length + 2, this.version.length);
    this.block.set(this.version, this.length + 6);
    this.length += 6 + this.version.length;
    this.int32(line);
  }

  private withoutValues(): void {
    for (const _ of ['platform', 'category', 'question']) this.lengthOrNull(NULL);
    this.float64(0);
    this.int16(0);
    for (const _ of ['as_of', 'resolved_at']) this.lengthOrNull(NULL);
  }

  /** False when there is no text: the field is empty or wrong. */
  private text(line: number, fields: RowFields, column: number, isRequired = false): boolean {
    if (!this.isPresent(line, fields, column, isRequired)) {
      this.lengthOrNull(NULL);
      return false;
    }
    const { bytes } = fields;
    const start = fields.starts[column] ?? 0;
    const end = fields.ends[column] ?? 0;
    this.lengthOrNull(end - start);
    const { block } = this;
    let to = this.length;
    // Most texts are too short for a call into native code to pay.
    for (let from = start; from < end; from += 1, to += 1) block[to] = bytes[from] ?? 0;
    this.length = to;
    return true;
  }

  private probability(line: number, fields: RowFields): void {
    const column = COLUMN.probability;
    let value = 0;
    if (this.isPresent(line, fields, column, true)) {
      const text = fields.bytes.toString('latin1', fields.starts[column], fields.ends[column]);
      value = Number(text) + 0; // -0 becomes 0
      // Number() alone would also take spaces, hexadecimal and Infinity.
      if (!DECIMAL.test(text)) this.fault(line, column, 'must be a decimal number, such as 0.25');
      else if (value < 0 || value > 1) this.fault(line, column, 'must lie between 0 and 1');
    }
    this.float64(value);
  }

  private outcome(line: number, fields: RowFields): void {
    const column = COLUMN.outcome;
    let value = 0;
    if (this.isPresent(line, fields, column, true)) {
      const start = fields.starts[column] ?? 0;
      value = (fields.bytes[start] ?? 0) - 0x30;
      if (fields.ends[column] !== start + 1 || (value !== 0 && value !== 1)) {
        this.fault(line, column, 'must be 0 or 1');
      }
    }
    this.int16(value);
  }

  private time(line: number, fields: RowFields, column: number): void {
    if (!this.isPresent(line, fields, column, false)) {
      this.lengthOrNull(NULL);
      return;
    }
    const time = parseTime(fields.bytes, fields.starts[column] ?? 0, fields.ends[column] ?? 0);
    if (typeof time === 'string') {
      this.fault(line, column, time);
      return;
    }
    this.lengthOrNull(8);
    this.view.setBigInt64(this.length, time);
    this.length += 8;
  }

  /** Whether a field has a text that could be right. One that is wrong, or empty though it is required, is a fault. */
  private isPresent(line: number, { bytes, starts, ends }: RowFields, column: number, isRequired: boolean): boolean {
    const start = starts[column] ?? 0;
    const end = ends[column] ?? 0;
    if (start === end) {
      if (isRequired) this.fault(line, column, 'must not be empty');
      return false;
    }
    const longest = LONGEST[column] ?? 0;
    if (end - start <= longest && isPlain(bytes, start, end)) return true;
    const wrong = wrongWith(bytes.subarray(start, end), longest);
    if (wrong !== undefined) this.fault(line, column, wrong);
    return wrong === undefined;
  }

  private fault(line: number, column: number, message: string): void {
    this.faults.add(line, DATASET_COLUMNS[column] ?? null, message);
  }

  private lengthOrNull(length: number): void {
    this.view.setInt32(this.length, length);
    this.length += 4;
  }

  private int16(value: number): void {
    this.lengthOrNull(2);
    this.view.setInt16(this.length, value);
    this.length += 2;
  }

  private int32(value: number): void {
    this.lengthOrNull(4);
    this.view.setInt32(this.length, value);
    this.length += 4;
  }

  private float64(value: number): void {
    this.lengthOrNull(8);
    this.view.setFloat64(this.length, value);
    this.length += 8;
  }
}

/** Whether there is nothing but ASCII, and no NUL: then the bytes are as many characters, and surely UTF-8. */
function isPlain(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === 0 || byte > 0x7f) return false;
  }
  return true;
}

/** What is wrong with a text of any kind. */
function wrongWith(text: Buffer, longest: number): string | undefined {
  if (!isUtf8(text)) return 'is not valid UTF-8';
  if (text.includes(0)) return 'must not contain a NUL character';
  if (text.length > longest && text.toString().length > longest) return `must not be longer than ${longest} characters`;
  return undefined;
}
