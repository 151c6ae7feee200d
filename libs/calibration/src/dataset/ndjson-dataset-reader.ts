import { withoutByteOrderMark } from './byte-order-mark.js';
import type { DatasetFaults } from './dataset-faults.js';
import {
  DATASET_COLUMNS,
  type DatasetReader,
  MAX_COLUMN_NAME_LENGTH,
  MAX_COLUMNS,
  type RowBlock,
  type RowFields,
} from './dataset-row.js';
import type { RowEncoder } from './row-encoder.js';

/** Longest line, in bytes. */
export const MAX_LINE_BYTES = 1_048_576;

const LF = 0x0a;
const COLUMN_PLACES: ReadonlyMap<string, number> = new Map(DATASET_COLUMNS.map((name, place) => [name, place]));
/** No UTF-8 has this byte: it stands for a text that cannot be written in it. */
const NOT_UTF8 = 0xff;

/**
 * Reads a dataset from the bytes of a file with one JSON object per line, whose keys are the columns (rules: README, "Your own
 * data"). Values are texts or numbers; null is as good as absent. Empty lines are skipped. Errors of the source are passed on.
 */
export class NdjsonDatasetReader implements DatasetReader {
  private readonly ignored = new Set<string>();
  /** The fields of the row at hand: a line's texts take no more bytes than the line, and a number gets at most some digits longer. */
  private readonly fields: RowFields = {
    bytes: Buffer.allocUnsafeSlow(MAX_LINE_BYTES + 1_024),
    starts: new Int32Array(DATASET_COLUMNS.length),
    ends: new Int32Array(DATASET_COLUMNS.length),
  };
  private line = 0;
  private hasRows = false;
  /** What has arrived of the line under way. */
  private started: Uint8Array[] = [];
  private startedBytes = 0;
  private isIgnoring = false;

  /** Can be iterated once, since the source is consumed. */
  constructor(
    private readonly source: AsyncIterable<Uint8Array>,
    private readonly rows: RowEncoder,
    private readonly faults: DatasetFaults,
  ) {}

  get ignoredColumns(): readonly string[] {
    return [...this.ignored];
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RowBlock> {
    for await (const chunk of withoutByteOrderMark(this.source)) {
      for (let from = 0; from < chunk.length && !this.isIgnoring;) {
        const end = chunk.indexOf(LF, from);
        const until = end === -1 ? chunk.length : end;
        this.collect(chunk.subarray(from, until));
        if (end !== -1 && !this.isIgnoring) this.finishLine();
        from = until + 1;
        if (this.rows.isFull) yield this.rows.take();
      }
    }
    if (!this.isIgnoring && this.startedBytes > 0) this.finishLine();
    if (!this.isIgnoring && !this.hasRows) this.faults.add(1, null, 'the file is empty');
    yield this.rows.take();
  }

  private collect(piece: Uint8Array): void {
    this.started.push(piece);
    this.startedBytes += piece.length;
    if (this.startedBytes <= MAX_LINE_BYTES) return;
    this.faults.add(
      this.line + 1,
      null,
      `the line is longer than ${MAX_LINE_BYTES} bytes; nothing was read from here on`,
    );
    this.isIgnoring = true;
    this.started = [];
  }

  private finishLine(): void {
    const [first, second] = this.started;
    const bytes = first !== undefined && second === undefined ? first : Buffer.concat(this.started);
    this.started = [];
    this.startedBytes = 0;
    this.line += 1;
    const json = decoded(bytes)?.trim() ?? null;
    if (json === '') return;
    this.hasRows = true;
    if (json === null) this.faults.add(this.line, null, 'the line is not valid UTF-8');
    else this.readObject(parsed(json));
  }

  private readObject(value: unknown): void {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.faults.add(this.line, null, 'the line is not a JSON object');
      return;
    }
    const { starts, ends } = this.fields;
    starts.fill(0);
    ends.fill(0);
    let isRight = true;
    let written = 0;
    for (const [key, item] of Object.entries(value)) {
      const column = COLUMN_PLACES.get(key);
      if (column === undefined) isRight = this.ignore(key) && isRight;
      else if (typeof item === 'string' || typeof item === 'number') {
        starts[column] = written;
        written = this.write(String(item), written);
        ends[column] = written;
      } else if (item !== null) {
        this.faults.add(this.line, key, 'must be a text or a number');
        isRight = false;
      }
    }
    if (isRight) this.rows.row(this.line, this.fields);
  }

  /** Returns where the text ends that was written. */
  private write(text: string, at: number): number {
    const { bytes } = this.fields;
    if (text.isWellFormed()) return at + bytes.write(text, at);
    bytes[at] = NOT_UTF8;
    return at + 1;
  }

  /** False when the name cannot be kept, which is a fault. */
  private ignore(name: string): boolean {
    if (this.ignored.has(name)) return true;
    if (name.length > MAX_COLUMN_NAME_LENGTH || name.includes('\0') || !name.isWellFormed()) {
      const limit = `is not Unicode, contains NUL or has over ${MAX_COLUMN_NAME_LENGTH} characters`;
      this.faults.add(this.line, null, `the name of a column ${limit}`);
      return false;
    }
    if (this.ignored.size === MAX_COLUMNS) {
      this.faults.add(this.line, name, `the file has more than ${MAX_COLUMNS} columns that are not known`);
      return false;
    }
    this.ignored.add(name);
    return true;
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decoded(bytes: Uint8Array): string | null {
  try {
    return UTF8.decode(bytes);
  } catch {
    return null;
  }
}

/** Undefined, which no JSON is, when it is none. */
function parsed(json: string): unknown {
  // Told apart without an exception, which is slow: a file of another kind has a fault on each of its lines.
  if (!json.startsWith('{') || !json.endsWith('}')) return undefined;
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}
