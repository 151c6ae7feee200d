import { Readable } from 'node:stream';
import * as fc from 'fast-check';
import { type DatasetRow, decodedRows, VERSION_ID } from '../../../../test/support/dataset-rows.js';
import { CsvDatasetReader } from './csv-dataset-reader.js';
import { MAX_RECORD_BYTES } from './csv-scanner.js';
import { DatasetFaults } from './dataset-faults.js';
import type { DatasetFault } from './dataset-row.js';
import { RowEncoder } from './row-encoder.js';

interface Reading {
  rows: DatasetRow[];
  faultCount: number;
  faults: readonly DatasetFault[];
  ignoredColumns: readonly string[];
}

function readerOf(chunks: Iterable<Uint8Array>, faults = new DatasetFaults()): CsvDatasetReader {
  return new CsvDatasetReader(Readable.from(chunks), new RowEncoder(VERSION_ID, faults), faults);
}

async function read(content: string | Buffer | Iterable<Uint8Array>): Promise<Reading> {
  const faults = new DatasetFaults();
  const reader = readerOf(
    typeof content === 'string' || Buffer.isBuffer(content) ? [Buffer.from(content)] : content,
    faults,
  );
  const rows: DatasetRow[] = [];
  for await (const block of reader) rows.push(...decodedRows(block.bytes));
  return { rows, faultCount: faults.count, faults: faults.first, ignoredColumns: reader.ignoredColumns };
}

async function faultsOf(content: string | Buffer | Iterable<Uint8Array>): Promise<readonly DatasetFault[]> {
  return (await read(content)).faults;
}

const HEADER = 'market_id,probability,outcome';

describe('CsvDatasetReader', () => {
  it('reads all columns, in any order, and names those it ignores', async () => {
    const { rows, faults, ignoredColumns } = await read(
      'volume,outcome,resolved_at,question,Probability,market_id,as_of,category,probability,platform\n' +
        '7,1,2026-01-08T20:03:39.648351Z,Rain?,0.9,m-1,2026-01-08,weather,0.25,kalshi\n' +
        '8,0,,,0.9,m-2,,,1,\n',
    );
    expect(faults).toEqual([]);
    expect(ignoredColumns).toEqual(['volume', 'Probability']);
    expect(rows).toEqual([
      {
        line: 2,
        marketId: 'm-1',
        platform: 'kalshi',
        category: 'weather',
        question: 'Rain?',
        probability: 0.25,
        outcome: 1,
        asOf: '2026-01-08T00:00:00.000000Z',
        resolvedAt: '2026-01-08T20:03:39.648351Z',
      },
      {
        line: 3,
        marketId: 'm-2',
        platform: null,
        category: null,
        question: null,
        probability: 1,
        outcome: 0,
        asOf: null,
        resolvedAt: null,
      },
    ]);
  });

  it('reads quotes, CRLF, a byte order mark and text beyond ASCII, wherever the input is cut', async () => {
    const file = Buffer.from(
      '\ufeff"market_id",question,probability,outcome\r\n' +
        '"a,1","says ""été"", 你好 🎲\r\ntwice\r\n",0.5,1\r\n' +
        '\r\n' +
        'b,"",.5,0\r\n' +
        'c,\ufffd,0.5,"0"',
    );
    const whole = await read(file);
    expect(whole.faults).toEqual([]);
    expect(whole.rows.map(({ line, marketId, question }) => ({ line, marketId, question }))).toEqual([
      { line: 2, marketId: 'a,1', question: 'says "été", 你好 🎲\r\ntwice\r\n' },
      { line: 6, marketId: 'b', question: null },
      { line: 7, marketId: 'c', question: '\ufffd' },
    ]);
    for (let size = 1; size < 12; size += 1) {
      const chunks = Array.from({ length: Math.ceil(file.length / size) }, (_, i) =>
        file.subarray(i * size, (i + 1) * size),
      );
      expect(await read(chunks)).toEqual(whole);
    }
  });

  it.each(['\n', '\r\n', '\r'])('takes %j as the end of a line, also inside quotes', async (end) => {
    const { rows, faults } = await read(
      [HEADER, `"a${end}b${end}",0.5,1`, '', 'c,0.5,0', '']
        .join(end)
        .split('')
        .map((c) => Buffer.from(c)),
    );
    expect(faults).toEqual([]);
    expect(rows.map((row) => row.line)).toEqual([2, 6]);
  });

  it('gives back whatever text was written', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 }).filter((s) => !s.includes('\0') && s.isWellFormed());
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 8 }), async (pairs) => {
        const quoted = (s: string): string => `"${s.replaceAll('"', '""')}"`;
        const lines = pairs.map(([id, question]) => `${quoted(`#${id}`)},0.5,1,${quoted(question)}`);
        const { rows } = await read([`${HEADER},question`, ...lines].join('\n'));
        expect(rows.map((row) => [row.marketId, row.question ?? ''])).toEqual(
          pairs.map(([id, question]) => [`#${id}`, question]),
        );
      }),
    );
  });

  it('counts every fault of every row, and keeps the ids of faulty rows, without their values', async () => {
    const { rows, faults, faultCount } = await read(
      [`${HEADER},as_of`, ',1.5,yes,yesterday', 'a,0.5,1,2026-02-30', 'b,0.5', 'c,0.5,1,', 'd,0.5,1,,'].join('\n'),
    );
    const blank = { platform: null, category: null, question: null, asOf: null, resolvedAt: null };
    expect(rows).toEqual([
      { line: 3, marketId: 'a', probability: 0, outcome: 0, ...blank },
      { line: 5, marketId: 'c', probability: 0.5, outcome: 1, ...blank },
    ]);
    expect(faultCount).toBe(7);
    expect(faults).toEqual([
      { line: 2, column: 'market_id', message: 'must not be empty' },
      { line: 2, column: 'probability', message: 'must lie between 0 and 1' },
      { line: 2, column: 'outcome', message: 'must be 0 or 1' },
      { line: 2, column: 'as_of', message: 'must be a time in ISO 8601 with its zone, such as 2026-01-08T20:00:00Z' },
      { line: 3, column: 'as_of', message: 'is a day that does not exist' },
      { line: 4, column: null, message: 'the row has 2 fields, the header 4' },
      { line: 6, column: null, message: 'the row has 5 fields, the header 4' },
    ]);
  });

  it.each([
    '0',
    '1',
    '0.0',
    '1.0',
    '1.',
    '.5',
    '0.1234567890123456789',
    '-0',
    '000.5',
    '1e-05',
    '1E0',
    '2.5e-1',
    '0e+0',
  ])('takes %j for a probability', async (probability) => {
    const { rows, faults } = await read(`${HEADER}\na,${probability},1`);
    expect(faults).toEqual([]);
    expect(rows[0]?.probability).toBe(Math.abs(Number(probability)));
  });

  it.each([
    '-0.1',
    '1.0001',
    '',
    ' 0.5',
    '0.5 ',
    '+0.5',
    '1e',
    'e-3',
    '1e5',
    '1e-',
    '1e-0.5',
    '0x1',
    'NaN',
    'Infinity',
    '50%',
    '"0,5"',
    '.',
    'null',
    '٠',
  ])('does not take %j for a probability', async (probability) => {
    expect(await faultsOf(`${HEADER}\na,${probability},1`)).toMatchObject([{ line: 2, column: 'probability' }]);
  });

  it.each(['', '2', 'true', '1.0', ' 1', 'YES'])('does not take %j for an outcome', async (outcome) => {
    expect(await faultsOf(`${HEADER}\na,0.5,${outcome}`)).toMatchObject([{ line: 2, column: 'outcome' }]);
  });

  it.each([
    ['2026-01-08T20:00Z', '2026-01-08T20:00:00.000000Z'],
    ['2024-02-29T23:59:59.123456789+05:30', '2024-02-29T18:29:59.123457Z'],
    ['2026-01-08 20:00:00-0800', '2026-01-09T04:00:00.000000Z'],
    ['2026-12-31T23:59:59.9999999Z', '2027-01-01T00:00:00.000000Z'],
    ['1999-12-31T23:59:59.000001Z', '1999-12-31T23:59:59.000001Z'],
    ['2000-01-01T00:00:00.1+14:00', '1999-12-31T10:00:00.100000Z'],
    ['1000-01-01', '1000-01-01T00:00:00.000000Z'],
    ['2999-12-31T23:59:59.999999-14:00', '3000-01-01T13:59:59.999999Z'],
  ])('takes %j for a time', async (time, stored) => {
    const { rows, faults } = await read(`${HEADER},resolved_at\na,0.5,1,${time}`);
    expect(faults).toEqual([]);
    expect(rows[0]?.resolvedAt).toBe(stored);
  });

  it('reads any time to the millisecond as JavaScript does', async () => {
    const times = fc.date({ min: new Date('1000-01-01'), max: new Date('2999-12-31'), noInvalidDate: true });
    await fc.assert(
      fc.asyncProperty(times, async (time) => {
        const { rows } = await read(`${HEADER},as_of\na,0.5,1,${time.toISOString()}`);
        expect(rows[0]?.asOf).toBe(time.toISOString().replace('Z', '000Z'));
      }),
    );
  });

  it.each([
    '2026-01-08T20:00:00',
    '2023-02-29',
    '2026-13-01',
    '2026-01-08T24:00:00Z',
    '1767902400',
    '08.01.2026',
    'now',
    '0000-01-01',
    '2026-1-08',
    '2026-01-08Z',
    '2026-01-08T',
    '2026-01-08t20:00:00Z',
    '2026-01-08T20:00:00z',
    '2026-01-08T20Z',
    '2026-01-08T20:00:60Z',
    '2026-01-08T20:60:00Z',
    '2026-01-08T20:00:00.Z',
    '2026-01-08T20:00:00.1234567890Z',
    '2026-01-08T20:00:00+15:00',
    '2026-01-08T20:00:00+01',
    '2026-01-08T20:00:00+01:60',
    '2026-01-08T20:00:00+01:00Z',
    '2026-01-08T20:00:00 Z',
    ' 2026-01-08',
    '٢٠٢٦-01-08',
  ])('does not take %j for a time', async (time) => {
    const faults = await faultsOf(`${HEADER},resolved_at\na,0.5,1,${time}`);
    expect(faults).toMatchObject([{ line: 2, column: 'resolved_at' }]);
  });

  it.each([
    ['nothing', '', [{ line: 1, column: null, message: 'the file is empty' }]],
    ['a byte order mark alone', '\ufeff', [{ line: 1, column: null, message: 'the file is empty' }]],
    ['empty lines', '\n\n', [{ line: 1, column: null, message: 'the file is empty' }]],
    ['a header alone', `${HEADER}\n`, [{ line: 1, column: null, message: 'there are no rows' }]],
    [
      'a header without required columns',
      'market_id,platform\na,b\n',
      [
        { line: 1, column: 'probability', message: 'the column is missing' },
        { line: 1, column: 'outcome', message: 'the column is missing' },
      ],
    ],
    [
      'columns that occur twice, known or not',
      `${HEADER},outcome,x,x\na,0,1,1,,\n`,
      [
        { line: 1, column: 'outcome', message: 'the column occurs twice' },
        { line: 1, column: 'x', message: 'the column occurs twice' },
      ],
    ],
  ])('refuses %s', async (_, content, faults) => {
    expect(await faultsOf(content)).toEqual(faults);
  });

  it('refuses NUL, text that is not UTF-8 and text that is too long, telling where', async () => {
    const file = Buffer.concat([
      Buffer.from(`${HEADER},question\n`),
      Buffer.from('a,0.5,1,nul \0 here\n'),
      Buffer.from('b,0.5,1,caf\xe9\n', 'latin1'),
      Buffer.from(`${'c'.repeat(257)},0.5,1,\n`),
      Buffer.from([...Buffer.from('d,0.5,1,'), 0xed, 0xa0, 0x80, 0x0a]), // a surrogate, which UTF-8 cannot hold
    ]);
    expect(await faultsOf(file)).toEqual([
      { line: 2, column: 'question', message: 'must not contain a NUL character' },
      { line: 3, column: 'question', message: 'is not valid UTF-8' },
      { line: 4, column: 'market_id', message: 'must not be longer than 256 characters' },
      { line: 5, column: 'question', message: 'is not valid UTF-8' },
    ]);
  });

  it('refuses a header that is not UTF-8', async () => {
    expect(await faultsOf(Buffer.from(`${HEADER},pr\xe9cis\na,0,1,\n`, 'latin1'))).toMatchObject([{ line: 1 }]);
    expect(await faultsOf(Buffer.from(`\ufeff${HEADER}\na,0,1\n`, 'utf16le'))).not.toEqual([]);
  });

  it.each([
    ['a quote inside an unquoted field', 'b"c,0.5,1', 'a quote stands inside an unquoted field'],
    ['text after a closing quote', '"b"c,0.5,1', 'a closing quote is followed by more text'],
    ['a quote that is never closed', '"b,0.5,1\nc,0.5,1', 'a quote is opened and never closed'],
    ['a record without end', `"${'b'.repeat(MAX_RECORD_BYTES + 2)}`, 'the record is longer than 1048576 bytes'],
    ['nothing but commas', ','.repeat(3 * MAX_RECORD_BYTES), 'the record is longer than 1048576 bytes'],
  ])('stops at %s, at the line where the record starts', async (_, record, what) => {
    const { rows, faults } = await read(`${HEADER}\n"a\r\na",0.5,1\n\n${record}`);
    expect(rows.map((row) => row.line)).toEqual([2]);
    expect(faults).toEqual([{ line: 5, column: null, message: `${what}; nothing was read from here on` }]);
  });

  it.each([
    ['a broken header', 'nonsense'],
    ['a broken record', `${HEADER}\n"a"b,0,1`],
  ])('hears the sender out after %s', async (_, start) => {
    let sent = 0;
    function* chunks(): Generator<Buffer> {
      yield Buffer.from(`${start}\n`);
      for (; sent < 100; sent += 1) yield Buffer.from('m,0.5,1\n'.repeat(1_000));
    }
    expect(await faultsOf(chunks())).not.toEqual([]);
    expect(sent).toBe(100);
  });

  it('passes on an error of the source', async () => {
    function* chunks(): Generator<Buffer> {
      yield Buffer.from(`${HEADER}\na,0.5,1\n`);
      throw new Error('the line went dead');
    }
    await expect(read(chunks())).rejects.toThrow('the line went dead');
  });

  it('hands on blocks of bounded size, also from one large buffer', async () => {
    const lines = Array.from({ length: 50_000 }, (_, i) => `m-${i},0.5,1`);
    let rows = 0;
    for await (const block of readerOf([Buffer.from([HEADER, ...lines].join('\n'))])) {
      expect(block.bytes.length).toBeLessThanOrEqual(1_048_576);
      expect(decodedRows(block.bytes)).toHaveLength(block.rows);
      rows += block.rows;
    }
    expect(rows).toBe(50_000);
  });

  it('has room for the longest row at the end of a block', async () => {
    const longest = `${'🎲'.repeat(128)},0.${'1'.repeat(398)},1,${'你'.repeat(4_000)}`;
    const { rows, faults } = await read(
      [`${HEADER},question`, ...Array.from({ length: 300 }, () => longest)].join('\n'),
    );
    expect(faults).toEqual([]);
    expect(rows).toHaveLength(300);
    expect(rows.at(-1)?.question).toHaveLength(4_000);
  });

  it('counts very many faults and keeps the first', async () => {
    const lines = Array.from({ length: 100_000 }, () => ',2,x');
    const { faultCount, faults, rows } = await read([HEADER, ...lines].join('\n'));
    expect([faultCount, faults.length, rows.length]).toEqual([300_000, 20, 0]);
  });
});
