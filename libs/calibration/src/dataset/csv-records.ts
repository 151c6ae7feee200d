import { CsvError, type CsvErrorCode, Parser } from 'csv-parse';

/** One record of a CSV file. */
export interface CsvRecord {
  /** Line of the file on which the record starts, counted from 1. */
  line: number;
  /** Each field's bytes as one character per byte; `decodeUtf8` turns them into text. */
  fields: string[];
}

/** What keeps the rest of a file from being read as records. */
export interface CsvDefect {
  line: number;
  message: string;
}

/** Longest record, in bytes: what a quote that is never closed can take of memory. */
export const MAX_RECORD_BYTES = 1_048_576;
/** Input is handed to the parser in pieces of this size, so that one large buffer makes neither a large batch nor a long pause. */
const PIECE_BYTES = 16_384;

/**
 * Reads CSV as RFC 4180 describes it: quotes, also around line ends; records ended by CRLF, LF or CR; a UTF-8 byte order mark is
 * skipped, and so are empty lines. Yields the records of each piece of input, which takes bounded memory.
 *
 * At a defect the records so far and the defect are yielded, and the rest of the source is read without being looked at: whoever
 * sends it hears of an answer only after they have sent all.
 */
export class CsvRecords implements AsyncIterable<{ records: CsvRecord[]; defect?: CsvDefect }> {
  private ignoring = false;

  /** Can be iterated once, since the source is consumed. */
  constructor(private readonly source: AsyncIterable<Uint8Array>) {}

  /** Reads the source to its end, but yields no further records. */
  ignoreRest(): void {
    this.ignoring = true;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<{ records: CsvRecord[]; defect?: CsvDefect }> {
    const splitter = new RecordSplitter();
    try {
      for await (const piece of inPieces(withoutByteOrderMark(this.source))) {
        if (!this.ignoring) yield this.handOn(splitter, await splitter.write(piece));
      }
      if (!this.ignoring) yield this.handOn(splitter, await splitter.end());
    } finally {
      splitter.destroy();
    }
  }

  private handOn(splitter: RecordSplitter, defect?: CsvDefect): { records: CsvRecord[]; defect?: CsvDefect } {
    const records = splitter.takeRecords();
    if (defect === undefined) return { records };
    this.ignoreRest();
    return { records, defect };
  }
}

/** The text of a field's bytes; null when they are not UTF-8. */
export function decodeUtf8(bytes: string): string | null {
  if (!/[\x80-\xff]/.test(bytes)) return bytes;
  try {
    return UTF8.decode(Buffer.from(bytes, 'latin1'));
  } catch {
    return null;
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const DEFECTS: Partial<Record<CsvErrorCode, string>> = {
  INVALID_OPENING_QUOTE: 'a quote stands inside an unquoted field',
  CSV_INVALID_CLOSING_QUOTE: 'a closing quote is followed by more text',
  CSV_QUOTE_NOT_CLOSED: 'a quote is opened and never closed',
  CSV_MAX_RECORD_SIZE: `the record is longer than ${MAX_RECORD_BYTES} bytes`,
};

/** The parser of csv-parse, fed by hand: iterating it as a stream would cost several promises per record. */
class RecordSplitter {
  private records: CsvRecord[] = [];
  private nextLine = 1;
  private emptyLines = 0;
  private bytesSinceRecord = 0;

  private readonly parser = new Parser({
    // One character per byte. Decoding as UTF-8 here would replace what is not UTF-8 without a word.
    encoding: 'latin1',
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: MAX_RECORD_BYTES,
    on_record: (fields: string[], { empty_lines }) => {
      this.skipEmptyLines(empty_lines);
      this.records.push({ line: this.nextLine, fields });
      this.nextLine += 1 + fields.reduce((sum, field) => sum + lineEndsIn(field), 0);
      this.bytesSinceRecord = 0;
      return null; // keeps the parser's own output empty
    },
  });

  constructor() {
    // The callbacks of write() and end() get every error too; without a listener it would end the process.
    this.parser.on('error', () => undefined);
  }

  write(piece: Uint8Array): Promise<CsvDefect | undefined> {
    this.bytesSinceRecord += piece.length;
    // The parser's own limit does not count delimiters, so that a file of nothing but commas would fill the memory.
    if (this.bytesSinceRecord > 2 * MAX_RECORD_BYTES) {
      return Promise.resolve(this.defect(new CsvError('CSV_MAX_RECORD_SIZE', '')));
    }
    return this.settle((done) => this.parser.write(piece, done));
  }

  end(): Promise<CsvDefect | undefined> {
    return this.settle((done) => this.parser.end(done));
  }

  takeRecords(): CsvRecord[] {
    const { records } = this;
    this.records = [];
    return records;
  }

  destroy(): void {
    this.parser.destroy();
  }

  private settle(act: (done: (error?: Error | null) => void) => void): Promise<CsvDefect | undefined> {
    return new Promise((resolve, reject) => {
      act((error) => {
        if (!error) resolve(undefined);
        else if (error instanceof CsvError) resolve(this.defect(error));
        else reject(error);
      });
    });
  }

  private defect(error: CsvError): CsvDefect {
    this.skipEmptyLines(this.parser.info.empty_lines);
    const what = DEFECTS[error.code] ?? 'the record cannot be read';
    return { line: this.nextLine, message: `${what}; nothing was read from here on` };
  }

  private skipEmptyLines(emptyLines: number): void {
    this.nextLine += emptyLines - this.emptyLines;
    this.emptyLines = emptyLines;
  }
}

/** csv-parse counts lines as well, but a CRLF inside quotes as two. */
function lineEndsIn(field: string): number {
  return /[\r\n]/.test(field) ? (field.match(/\r\n|\r|\n/g)?.length ?? 0) : 0;
}

const BYTE_ORDER_MARK = Buffer.from('\ufeff');

async function* withoutByteOrderMark(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let start: Uint8Array | undefined = new Uint8Array();
  for await (const chunk of source) {
    if (start === undefined) {
      yield chunk;
      continue;
    }
    start = Buffer.concat([start, chunk]);
    if (start.length < BYTE_ORDER_MARK.length) continue;
    yield BYTE_ORDER_MARK.equals(start.subarray(0, BYTE_ORDER_MARK.length))
      ? start.subarray(BYTE_ORDER_MARK.length)
      : start;
    start = undefined;
  }
  if (start !== undefined && start.length > 0) yield start;
}

async function* inPieces(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    for (let from = 0; from < chunk.length; from += PIECE_BYTES) yield chunk.subarray(from, from + PIECE_BYTES);
  }
}
