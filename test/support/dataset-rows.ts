/** A dataset's row as it would be stored. */
export interface DatasetRow {
  line: number;
  marketId: string | null;
  platform: string | null;
  category: string | null;
  question: string | null;
  probability: number;
  outcome: number;
  /** ISO 8601 in UTC, to the microsecond. */
  asOf: string | null;
  resolvedAt: string | null;
}

/** The version of all rows that are decoded here. */
export const VERSION_ID = '01a206cb-0f1e-761e-811f-6e6273252944';

/** The rows in a block of COPY's binary format, read as the PostgreSQL manual describes it. */
export function decodedRows(block: Uint8Array): DatasetRow[] {
  const bytes = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
  const rows: DatasetRow[] = [];
  let at = 0;
  const field = (): Buffer | null => {
    const length = bytes.readInt32BE(at);
    at += 4;
    if (length === -1) return null;
    at += length;
    return bytes.subarray(at - length, at);
  };
  const text = () => field()?.toString() ?? null;
  while (at < bytes.length) {
    expect(bytes.readInt16BE(at)).toBe(10);
    at += 2;
    expect(field()?.toString('hex')).toBe(VERSION_ID.replaceAll('-', ''));
    rows.push({
      line: field()?.readInt32BE() ?? NaN,
      marketId: text(),
      platform: text(),
      category: text(),
      question: text(),
      probability: field()?.readDoubleBE() ?? NaN,
      outcome: field()?.readInt16BE() ?? NaN,
      asOf: timeIn(field()),
      resolvedAt: timeIn(field()),
    });
  }
  return rows;
}

function timeIn(bytes: Buffer | null): string | null {
  if (bytes === null) return null;
  const microseconds = bytes.readBigInt64BE() + BigInt(Date.UTC(2000, 0, 1)) * 1_000n;
  const fraction = ((microseconds % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = Number((microseconds - fraction) / 1_000_000n);
  return `${new Date(seconds * 1_000).toISOString().slice(0, 19)}.${String(fraction).padStart(6, '0')}Z`;
}
