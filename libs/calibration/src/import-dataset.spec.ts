import { createHash } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import { SettingsModule } from '@interlock/config';
import { PersistenceModule } from '@interlock/persistence';
import { CommandBus } from '@nestjs/cqrs';
import { getDataSourceToken } from '@nestjs/typeorm';
import { Test, type TestingModule } from '@nestjs/testing';
import type { DataSource } from 'typeorm';
import { eventually } from '../../../test/support/eventually.js';
import { testSettings } from '../../../test/support/settings.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/test-database.js';
import { IMPORTS_AT_ONCE } from './dataset-importer.js';
import { DatasetRemoval } from './dataset-removal.js';
import {
  CalibrationModule,
  CalibrationScorer,
  Datasets,
  DatasetVersionGone,
  ImportDataset,
  type ImportDatasetResult,
  ImportSampleDataset,
  type ScoredMarket,
} from './index.js';

const HEADER = 'market_id,probability,outcome,platform,category';

let database: TestDatabase;
let module: TestingModule;
let commands: CommandBus;
let datasets: Datasets;
let dataSource: DataSource;

beforeAll(async () => {
  database = await createTestDatabase();
  module = await Test.createTestingModule({
    imports: [
      SettingsModule.forRoot(testSettings(database.url)),
      PersistenceModule.forRoot('interlock-test'),
      CalibrationModule,
    ],
  }).compile();
  await module.init();
  commands = module.get(CommandBus);
  datasets = module.get(Datasets);
  dataSource = module.get<DataSource>(getDataSourceToken());
});

afterEach(async () => {
  await dataSource.query(`DELETE FROM datasets`);
  await dataSource.query(`UPDATE dataset_versions SET state = 'removing', changed_at = '-infinity'`);
  module.get(DatasetRemoval).begin();
  await removed(0);
});

afterAll(async () => {
  await module.close();
  await database.drop();
});

/** A file of `count` markets on lines 2, 3, …, all with the given category. */
function file(count: number, category = 'any'): string {
  const lines = Array.from({ length: count }, (_, i) => `m-${i},${(i % 1_000) / 1_000},${i % 2},kalshi,${category}`);
  return [HEADER, ...lines, ''].join('\n');
}

function importFile(name: string, content: string): Promise<ImportDatasetResult> {
  return commands.execute(new ImportDataset(name, Readable.from([Buffer.from(content)])));
}

/** In no particular order. */
async function rowsOf(versionId: string): Promise<ScoredMarket[]> {
  const rows: ScoredMarket[] = [];
  for await (const page of datasets.pages(versionId)) {
    for (const { probabilities, ...shared } of page) {
      for (const probability of probabilities) rows.push({ probability, ...shared });
    }
  }
  return rows;
}

async function probabilitiesOf(name: string): Promise<number[]> {
  const rows = await rowsOf(await versionOf(name));
  return rows.map((row) => row.probability).toSorted((a, b) => a - b);
}

async function versionOf(name: string): Promise<string> {
  const found = await datasets.find(name);
  if (found === null) throw new Error(`no dataset ${name}`);
  return found.versionId;
}

async function categoryOf(name: string): Promise<unknown> {
  const rows = await rowsOf(await versionOf(name));
  expect(new Set(rows.map((row) => row.category)).size).toBe(1);
  return rows[0]?.category;
}

async function storedRows(category: string | null = null): Promise<number> {
  const [found] = await dataSource.query<{ count: number }[]>(
    'SELECT count(*)::integer AS count FROM dataset_rows WHERE $1::text IS NULL OR category = $1',
    [category],
  );
  return found?.count ?? NaN;
}

/** Old rows are removed in the background. */
async function removed(left: number): Promise<void> {
  await eventually(`${left} rows are left`, async () => (await storedRows()) === left);
}

async function storedVersions(): Promise<string[]> {
  const found = await dataSource.query<{ state: string }[]>('SELECT state FROM dataset_versions ORDER BY id');
  return found.map((version) => version.state);
}

/** Makes the versions in a state look as if nothing had happened to them for this long. */
function age(state: string, interval: string): Promise<unknown> {
  const sql = 'UPDATE dataset_versions SET changed_at = changed_at - $2::interval WHERE state = $1';
  return dataSource.query(sql, [state, interval]);
}

describe('importing a dataset', () => {
  it('stores the rows and what is known of the file', async () => {
    const content = `${HEADER},volume,question\na,0.1,1,kalshi,x,7,"Will ""a"" happen?"\nb,1,0,,,,\n`;
    const result = await importFile('first', content);
    expect(result).toEqual({
      kind: 'imported',
      created: true,
      dataset: {
        name: 'first',
        rows: 2,
        bytes: content.length,
        sha256: createHash('sha256').update(content).digest('hex'),
        importedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        ignoredColumns: ['volume'],
      },
    });
    const found = await datasets.find('first');
    expect({ ...(result.kind === 'imported' && result.dataset), versionId: found?.versionId }).toEqual(found);
    expect(await rowsOf(found?.versionId ?? '')).toEqual([
      { probability: 0.1, outcome: 1, platform: 'kalshi', category: 'x' },
      { probability: 1, outcome: 0, platform: null, category: null },
    ]);
    expect(await datasets.find('second')).toBeNull();
  });

  it('keeps every digit of a probability and of a time', async () => {
    await importFile(
      'exact',
      'market_id,probability,outcome,resolved_at\na,0.47486327858967675,1,2026-01-08T20:03:39.648351Z',
    );
    expect(await rowsOf(await versionOf('exact'))).toMatchObject([{ probability: 0.47486327858967675 }]);
    expect(await dataSource.query('SELECT resolved_at::text AS at FROM dataset_rows')).toEqual([
      { at: '2026-01-08 20:03:39.648351+00' },
    ]);
  });

  it('stores every form of time that the reader takes', async () => {
    const times = [
      ['2026-01-08T20:00Z', '2026-01-08 20:00:00+00'],
      ['2024-02-29 23:59:59.123456789+05:30', '2024-02-29 18:29:59.123457+00'],
      ['2026-01-08T20:00:00-0800', '2026-01-09 04:00:00+00'],
      ['2999-12-31T23:59:59.999999-14:00', '3000-01-01 13:59:59.999999+00'],
      ['1000-01-01', '1000-01-01 00:00:00+00'],
    ] as const;
    const lines = times.map(([time], i) => `m-${i},0.5,1,${time}`);
    await importFile('times', ['market_id,probability,outcome,as_of', ...lines].join('\n'));
    expect(await dataSource.query('SELECT as_of::text AS at FROM dataset_rows ORDER BY line')).toEqual(
      times.map(([, at]) => ({ at })),
    );
  });

  it.each([19_999, 20_000, 40_001])('gives %i rows back, each once', async (count) => {
    await importFile('many', file(count));
    expect(await probabilitiesOf('many')).toEqual(
      Array.from({ length: count }, (_, i) => (i % 1_000) / 1_000).toSorted((a, b) => a - b),
    );
  });

  it('gives rows back that lie far apart in the file', async () => {
    const question = `"${'\n'.repeat(3_900)}"`;
    const lines = Array.from({ length: 20 }, (_, i) => `m-${i},${i / 20},1,${question}`);
    await importFile('sparse', ['market_id,probability,outcome,question', ...lines].join('\n'));
    expect(await probabilitiesOf('sparse')).toEqual(Array.from({ length: 20 }, (_, i) => i / 20));
  });

  it('replaces what was there before', async () => {
    await importFile('twice', file(3, 'old'));
    expect(await importFile('twice', file(2, 'new'))).toMatchObject({ kind: 'imported', created: false });
    expect(await datasets.find('twice')).toMatchObject({ rows: 2 });
    expect(await categoryOf('twice')).toBe('new');
  });

  it('tells faults in the order of the file, counts all, and keeps the old data', async () => {
    await importFile('faulty', file(1, 'old'));
    const lines = Array.from({ length: 9_000 }, (_, i) => `m-${i},0.5,1,,`);
    lines[5] = 'm-5,1.5,2,,'; // line 7: faulty, but has its id
    lines[6] = 'm-5,0.5,1,,'; // line 8
    lines[8_000] = 'm-0,7,1,,'; // line 8002, in a later batch: faulty, and its id is that of line 2
    for (let i = 8_100; i < 8_130; i += 1) lines[i] = 'm-1,0.5,1,,';
    const result = await importFile('faulty', [HEADER, ...lines].join('\n'));
    expect(result).toMatchObject({ kind: 'invalid', faultCount: 2 + 1 + 2 + 30 });
    if (result.kind !== 'invalid') return;
    expect(result.faults).toHaveLength(20);
    expect(result.faults.slice(0, 6)).toEqual([
      { line: 7, column: 'probability', message: 'must lie between 0 and 1' },
      { line: 7, column: 'outcome', message: 'must be 0 or 1' },
      { line: 8, column: 'market_id', message: 'occurs on line 7 already' },
      { line: 8_002, column: 'probability', message: 'must lie between 0 and 1' },
      { line: 8_002, column: 'market_id', message: 'occurs on line 2 already' },
      { line: 8_102, column: 'market_id', message: 'occurs on line 3 already' },
    ]);
    expect(await categoryOf('faulty')).toBe('old');
    await removed(1);
  });

  it('keeps the old data when the source fails midway', async () => {
    await importFile('cut', file(1, 'old'));
    function* chunks(): Generator<Buffer> {
      yield Buffer.from(file(10_000, 'new'));
      throw new Error('the line went dead');
    }
    const failing = commands.execute(new ImportDataset('cut', Readable.from(chunks())));
    await expect(failing).rejects.toThrow('the line went dead');
    expect(await categoryOf('cut')).toBe('old');
    await removed(1);
    await eventually('only the old version is left', async () => (await storedVersions()).join() === 'current');
  });
});

describe('an import whose outcome nobody waits for any more', () => {
  it.each(['while the file arrives', 'once the file is complete'])('changes nothing: %s', async (when) => {
    await importFile('abandoned', file(1, 'old'));
    const abort = new AbortController();
    function* chunks(): Generator<Buffer> {
      yield Buffer.from(file(20_000, 'new'));
      abort.abort(new Error('nobody waits'));
      if (when.startsWith('while')) for (let i = 0; ; i += 1) yield Buffer.from(`more-${i},0.5,1,,\n`.repeat(5_000));
    }
    const source = Readable.from(chunks());
    const abandoned = commands.execute(new ImportDataset('abandoned', source, { signal: abort.signal }));
    await expect(abandoned).rejects.toThrow('nobody waits');
    expect(await categoryOf('abandoned')).toBe('old');
    await removed(1);
  });
});

describe('imports at the same time', () => {
  /** An import whose first rows are stored and whose last have not been sent. */
  async function beginImport(name: string, category: string): Promise<() => Promise<ImportDatasetResult>> {
    const source = new PassThrough();
    const result = commands.execute(new ImportDataset(name, source));
    result.catch(() => undefined); // looked at when it is finished
    source.write(file(20_000, category));
    // All that is stored before more is sent: one block.
    await eventually('its first rows are stored', async () => (await storedRows(category)) > 10_000);
    return () => {
      source.end(`last,0.5,1,kalshi,${category}\n`);
      return result;
    };
  }

  it('lets the last to be complete win', async () => {
    const finishFirst = await beginImport('race', 'first');
    const finishSecond = await beginImport('race', 'second');
    expect(await finishSecond()).toMatchObject({ created: true });
    expect(await categoryOf('race')).toBe('second');
    expect(await finishFirst()).toMatchObject({ created: false, dataset: { rows: 20_001 } });
    expect(await categoryOf('race')).toBe('first');
  });

  it('leaves exactly one version current, complete, when many end together', async () => {
    const categories = Array.from({ length: IMPORTS_AT_ONCE }, (_, i) => `c-${i}`);
    const results = await Promise.all(categories.map((category) => importFile('together', file(50, category))));
    expect(results.filter((result) => result.kind === 'imported' && result.created)).toHaveLength(1);
    expect((await storedVersions()).filter((state) => state === 'current')).toHaveLength(1);
    expect(await rowsOf(await versionOf('together'))).toHaveLength(50);
    expect(categories).toContain(await categoryOf('together'));
  });

  it('removes what a dead import left, and nothing of one that lives', async () => {
    const finishDead = await beginImport('dead', 'dead');
    await age('staging', '16 minutes');
    const finishAlive = await beginImport('alive', 'alive');
    await importFile('other', file(1));
    await eventually(
      'the dead one is gone',
      async () => (await storedVersions()).toSorted().join() === 'current,staging',
    );
    expect(await finishAlive()).toMatchObject({ kind: 'imported', dataset: { rows: 20_001 } });
    // Taken for dead, it finds out and changes nothing.
    await expect(finishDead()).rejects.toThrow('given up');
    expect(await datasets.find('dead')).toBeNull();
    await removed(20_002);
  });

  it('takes over the removal from a process that died doing it', async () => {
    await importFile('old', file(45_000));
    await importFile('old', file(1));
    await dataSource.query(`UPDATE dataset_versions SET state = 'removing' WHERE state = 'replaced'`);
    await importFile('other', file(1));
    expect(await storedRows()).toBe(45_002);
    await age('removing', '2 minutes');
    await importFile('another', file(1));
    await removed(3);
  });
});

describe('reading a version', () => {
  it('gives all rows of the version, though the dataset is replaced and others are imported meanwhile', async () => {
    await importFile('read', file(70_000, 'old'));
    const seen = new Set<unknown>();
    let count = 0;
    for await (const page of datasets.pages(await versionOf('read'))) {
      if (count === 0) {
        await importFile('read', file(7, 'new'));
        await importFile('other', file(7, 'new'));
      }
      for (const { category, probabilities } of page) {
        seen.add(category);
        count += probabilities.length;
      }
    }
    expect([count, ...seen]).toEqual([70_000, 'old']);
  });

  it('says so when the version was removed, before or while it is read', async () => {
    await importFile('read', file(70_000));
    const version = await versionOf('read');
    const reading = datasets.pages(version)[Symbol.asyncIterator]();
    await reading.next();
    await importFile('read', file(1));
    await age('replaced', '59 minutes');
    await importFile('other', file(1));
    expect(await rowsOf(version)).toHaveLength(70_000);

    await age('replaced', '2 minutes');
    await importFile('other', file(1));
    await removed(2 + 1); // of "other", the version before is still readable
    const drain = async (): Promise<void> => {
      while (!(await reading.next()).done);
    };
    await expect(drain()).rejects.toThrow(DatasetVersionGone);
    await expect(rowsOf(version)).rejects.toThrow(DatasetVersionGone);
  });

  it('stops when it is aborted', async () => {
    await importFile('read', file(60_000));
    const abort = new AbortController();
    const read = async (): Promise<void> => {
      for await (const _ of datasets.pages(await versionOf('read'), abort.signal)) abort.abort(new Error('halted'));
    };
    await expect(read()).rejects.toThrow('halted');
  });
});

describe('the bundled sample', () => {
  it('is imported once, and again when the stored one differs', async () => {
    expect(await commands.execute(new ImportSampleDataset())).toMatchObject({
      kind: 'imported',
      dataset: { rows: 42 },
    });
    expect(await commands.execute(new ImportSampleDataset())).toMatchObject({
      kind: 'unchanged',
      dataset: { rows: 42 },
    });
    await importFile('sample', file(3));
    expect(await commands.execute(new ImportSampleDataset())).toMatchObject({
      kind: 'imported',
      dataset: { rows: 42 },
    });

    const scorer = new CalibrationScorer({ bins: 10 });
    for (const row of await rowsOf(await versionOf('sample'))) scorer.add(row);
    expect(scorer.finish().brier.toFixed(6)).toBe('0.032955');
  });
});
