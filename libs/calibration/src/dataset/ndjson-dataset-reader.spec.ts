import { Readable } from 'node:stream';
import { type DatasetRow, decodedRows, VERSION_ID } from '../../../../test/support/dataset-rows.js';
import { DatasetFaults } from './dataset-faults.js';
import type { DatasetFault } from './dataset-row.js';
import { MAX_LINE_BYTES, NdjsonDatasetReader } from './ndjson-dataset-reader.js';
import { RowEncoder } from './row-encoder.js';

interface Reading {
  rows: DatasetRow[];
  faults: readonly DatasetFault[];
  ignoredColumns: readonly string[];
}

async function read(content: string | Buffer, pieceSize = 65_536): Promise<Reading> {
  const bytes = Buffer.from(content);
  const pieces = Array.from({ length: Math.ceil(bytes.length / pieceSize) }, (_, i) =>
    bytes.subarray(i * pieceSize, (i + 1) * pieceSize),
  );
  const faults = new DatasetFaults();
  const reader = new NdjsonDatasetReader(Readable.from(pieces), new RowEncoder(VERSION_ID, faults), faults);
  const rows: DatasetRow[] = [];
  for await (const block of reader) rows.push(...decodedRows(block.bytes));
  return { rows, faults: faults.first, ignoredColumns: reader.ignoredColumns };
}

const row = (fields: object) => JSON.stringify({ market_id: 'm', probability: 0.5, outcome: 1, ...fields });

describe('NdjsonDatasetReader', () => {
  it('reads one object per line, wherever the input is cut', async () => {
    const file = [
      `\ufeff${row({ market_id: 'été "1"', volume: [1], question: 'a\nb', category: null })}\r`,
      '',
      row({ market_id: 7, probability: 1e-7, outcome: '0', as_of: '2026-01-08', volume: 2, __proto__x: {} }),
      row({ probability: '0.25' }),
    ].join('\n');
    const whole = await read(file);
    expect(whole.faults).toEqual([]);
    expect(whole.ignoredColumns).toEqual(['volume', '__proto__x']);
    expect(whole.rows).toMatchObject([
      { line: 1, marketId: 'été "1"', question: 'a\nb', category: null, probability: 0.5, outcome: 1 },
      { line: 3, marketId: '7', probability: 1e-7, outcome: 0, asOf: '2026-01-08T00:00:00.000000Z' },
      { line: 4, marketId: 'm', probability: 0.25 },
    ]);
    for (const size of [1, 2, 3, 5, 50]) expect(await read(file, size)).toEqual(whole);
  });

  it('tells every fault by line and column and reads on', async () => {
    const { rows, faults } = await read(
      Buffer.concat([
        Buffer.from(`[1]\n{"market_id":\n{}\n${row({ outcome: true, probability: {} })}\n${row({ probability: 2 })}\n`),
        Buffer.from('{"market_id":"caf\xe9"}\n', 'latin1'),
        Buffer.from(
          `${String.raw`{"market_id":"\ud800","probability":1,"outcome":1}`}\n${row({ question: '\0' })}\n${row({})}\n`,
        ),
      ]),
    );
    // Of faulty rows with a market id, that is kept.
    expect(rows.map(({ line, probability }) => [line, probability])).toEqual([
      [5, 0],
      [8, 0],
      [9, 0.5],
    ]);
    expect(faults).toEqual([
      { line: 1, column: null, message: 'the line is not a JSON object' },
      { line: 2, column: null, message: 'the line is not a JSON object' },
      { line: 3, column: 'market_id', message: 'must not be empty' },
      { line: 3, column: 'probability', message: 'must not be empty' },
      { line: 3, column: 'outcome', message: 'must not be empty' },
      { line: 4, column: 'probability', message: 'must be a text or a number' },
      { line: 4, column: 'outcome', message: 'must be a text or a number' },
      { line: 5, column: 'probability', message: 'must lie between 0 and 1' },
      { line: 6, column: null, message: 'the line is not valid UTF-8' },
      { line: 7, column: 'market_id', message: 'is not valid UTF-8' },
      { line: 8, column: 'question', message: 'must not contain a NUL character' },
    ]);
  });

  it.each(['', '\n \n', '\ufeff'])('refuses %j, which has no rows', async (content) => {
    expect((await read(content)).faults).toEqual([{ line: 1, column: null, message: 'the file is empty' }]);
  });

  it('stops at a line without end, and hears the sender out', async () => {
    const { rows, faults } = await read(`${row({})}\n${'x'.repeat(3 * MAX_LINE_BYTES)}\n${row({})}`);
    expect(rows).toHaveLength(1);
    expect(faults).toEqual([
      { line: 2, column: null, message: 'the line is longer than 1048576 bytes; nothing was read from here on' },
    ]);
  });

  it('bounds the names that it keeps', async () => {
    const many = Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [`x${i}`, 1]));
    expect((await read(row(many))).faults).toMatchObject([{ line: 1, column: 'x1000' }]);
    expect((await read(row({ ['x'.repeat(257)]: 1 }))).faults).toMatchObject([{ line: 1, column: null }]);
  });
});
