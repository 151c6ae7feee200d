import { withoutByteOrderMark } from './byte-order-mark.js';
import { CsvScanner, type ScannedCsv } from './csv-scanner.js';

/** Input is looked at in pieces of at most this size, so that one large buffer makes neither a large batch nor a long pause. */
const PIECE_BYTES = 65_536;

/**
 * Reads CSV as RFC 4180 describes it: quotes, also around line ends; records ended by CRLF, LF or CR; a UTF-8 byte order mark is
 * skipped, and so are empty lines. Yields the records of each piece of input, which takes bounded memory.
 *
 * At a defect the records so far and the defect are yielded, and the rest of the source is read without being looked at: whoever
 * sends it hears of an answer only after they have sent all.
 */
export class CsvRecords implements AsyncIterable<ScannedCsv> {
  private ignoring = false;

  /** Can be iterated once, since the source is consumed. */
  constructor(private readonly source: AsyncIterable<Uint8Array>) {}

  /** Reads the source to its end, but yields no further records. */
  ignoreRest(): void {
    this.ignoring = true;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ScannedCsv> {
    const scanner = new CsvScanner();
    for await (const piece of inPieces(withoutByteOrderMark(this.source))) {
      if (!this.ignoring) yield this.handOn(scanner.write(piece));
    }
    if (!this.ignoring) yield this.handOn(scanner.end());
  }

  private handOn(scanned: ScannedCsv): ScannedCsv {
    if (scanned.defect !== undefined) this.ignoreRest();
    return scanned;
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

async function* inPieces(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    for (let from = 0; from < chunk.length; from += PIECE_BYTES) yield chunk.subarray(from, from + PIECE_BYTES);
  }
}
