import { BatchBuilder } from './batch-builder.js';
import type { RowText } from './check-row.js';
import { withoutByteOrderMark } from './byte-order-mark.js';
import {
  DATASET_COLUMNS,
  type DatasetBatch,
  type DatasetColumn,
  type DatasetReader,
  MAX_COLUMN_NAME_LENGTH,
  MAX_COLUMNS,
} from './dataset-row.js';

/** Longest line, in bytes. */
export const MAX_LINE_BYTES = 1_048_576;

const LF = 0x0a;
const COLUMNS: ReadonlySet<string> = new Set(DATASET_COLUMNS);

/**
 * Reads a dataset from the bytes of a file with one JSON object per line, whose keys are the columns (rules: contracts.md,
 * "Dataset"). Values are texts or numbers; null is as good as absent. Empty lines are skipped. Errors of the source are passed on.
 */
export class NdjsonDatasetReader implements DatasetReader {
  private readonly ignored = new Set<string>();
  private readonly batch = new BatchBuilder();
  private line = 0;
  private hasRows = false;
  /** What has arrived of the line under way. */
  private started: Uint8Array[] = [];
  private startedBytes = 0;
  private isIgnoring = false;

  /** Can be iterated once, since the source is consumed. */
  constructor(private readonly source: AsyncIterable<Uint8Array>) {}

  get ignoredColumns(): readonly string[] {
    return [...this.ignored];
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<DatasetBatch> {
    for await (const chunk of withoutByteOrderMark(this.source)) {
      for (let from = 0; from < chunk.length && !this.isIgnoring;) {
        const end = chunk.indexOf(LF, from);
        const until = end === -1 ? chunk.length : end;
        this.collect(chunk.subarray(from, until));
        if (end !== -1 && !this.isIgnoring) this.finishLine();
        from = until + 1;
        if (this.batch.isFull) yield this.batch.take();
      }
    }
    if (!this.isIgnoring && this.startedBytes > 0) this.finishLine();
    if (!this.isIgnoring && !this.hasRows) this.batch.fault(1, null, 'the file is empty');
    yield this.batch.take();
  }

  private collect(piece: Uint8Array): void {
    this.started.push(piece);
    this.startedBytes += piece.length;
    if (this.startedBytes <= MAX_LINE_BYTES) return;
    this.batch.fault(
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
    if (json === null) this.batch.fault(this.line, null, 'the line is not valid UTF-8');
    else this.readObject(parsed(json));
  }

  private readObject(value: unknown): void {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.batch.fault(this.line, null, 'the line is not a JSON object');
      return;
    }
    const text: RowText = {};
    let isRight = true;
    for (const [key, item] of Object.entries(value)) {
      if (!isColumn(key)) isRight = this.ignore(key) && isRight;
      else if (item === null) continue;
      else if (typeof item === 'string') text[key] = item.isWellFormed() ? item : null;
      else if (typeof item === 'number') text[key] = String(item);
      else {
        this.batch.fault(this.line, key, 'must be a text or a number');
        isRight = false;
      }
    }
    if (isRight) this.batch.row(this.line, text);
  }

  /** False when the name cannot be kept, which is a fault. */
  private ignore(name: string): boolean {
    if (this.ignored.has(name)) return true;
    if (name.length > MAX_COLUMN_NAME_LENGTH || name.includes('\0') || !name.isWellFormed()) {
      const limit = `is not Unicode, contains NUL or has over ${MAX_COLUMN_NAME_LENGTH} characters`;
      this.batch.fault(this.line, null, `the name of a column ${limit}`);
      return false;
    }
    if (this.ignored.size === MAX_COLUMNS) {
      this.batch.fault(this.line, name, `the file has more than ${MAX_COLUMNS} columns that are not known`);
      return false;
    }
    this.ignored.add(name);
    return true;
  }
}

function isColumn(key: string): key is DatasetColumn {
  return COLUMNS.has(key);
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
