import * as fc from 'fast-check';
import { parse } from 'csv-parse/sync';
import { type CsvDefect, CsvScanner } from './csv-scanner.js';

interface Scanned {
  records: { line: number; fields: string[] }[];
  defect: CsvDefect | undefined;
}

/** What all pieces together give. */
function scan(pieces: readonly Uint8Array[]): Scanned {
  const scanner = new CsvScanner();
  const records: Scanned['records'] = [];
  const collect = () => {
    while (scanner.next()) {
      const fields = Array.from({ length: scanner.fieldCount }, (_, place) =>
        scanner.bytes.toString('utf8', scanner.startOf(place), scanner.endOf(place)),
      );
      records.push({ line: scanner.line, fields });
    }
  };
  for (const piece of pieces) {
    scanner.write(piece);
    collect();
  }
  scanner.end();
  collect();
  return { records, defect: scanner.defect };
}

function inPieces(text: string, size: number): Buffer[] {
  const bytes = Buffer.from(text);
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

/** What csv-parse makes of it: the records before the first thing that is wrong, and whether anything is. */
function reference(text: string): { records: string[][]; isWrong: boolean } {
  const records: string[][] = [];
  try {
    parse(text, {
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      skip_empty_lines: true,
      on_record: (fields: string[]) => {
        records.push(fields);
        return null;
      },
    });
    return { records, isWrong: false };
  } catch {
    return { records, isWrong: true };
  }
}

const csvLike = fc
  .array(fc.constantFrom('"', '""', ',', '\n', '\r\n', '\r', 'a', 'b"', ' ', '"a,b"', '"\n"', '\n\n'), {
    maxLength: 30,
  })
  .map((parts) => parts.join(''));

describe('CsvScanner', () => {
  it('finds in any text the records that csv-parse finds, wherever the text is cut', () => {
    fc.assert(
      fc.property(csvLike, fc.integer({ min: 1, max: 7 }), (text, size) => {
        const { records, defect } = scan(inPieces(text, size));
        const expected = reference(text);
        expect({ records: records.map(({ fields }) => fields), isWrong: defect !== undefined }).toEqual(expected);
        expect(scan([Buffer.from(text)])).toEqual({ records, defect });
      }),
      { numRuns: 3_000 },
    );
  });

  it('tells the line on which each record starts', () => {
    const text = 'a\r\n\r\n"b\r\nb\n\r"\rc\n\n"d\n\n",e\n"f"g';
    for (const size of [1, 2, 3, 100]) {
      const { records, defect } = scan(inPieces(text, size));
      expect(records.map(({ line }) => line)).toEqual([1, 3, 7, 9]);
      expect(defect).toMatchObject({ line: 12 });
    }
  });

  it('reads a long record in small pieces in reasonable time', () => {
    const { records } = scan(inPieces(`"${'a\n'.repeat(500_000)}"\n`, 64));
    expect(records[0]?.fields[0]).toHaveLength(1_000_000);
  }, 10_000);
});
