import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import { compareWithPandas } from './lib/compare-with-pandas.mjs';
import { Api } from './lib/dataset-api.mjs';
import { makeMarketsFile } from './lib/markets-file.mjs';
import { watchMemory } from './lib/memory.mjs';
import { atMost, rounded } from './lib/results.mjs';
import { withSystem } from './lib/system.mjs';

/** What is promised for a million rows: import and report together, any process's memory, work silent after it was stopped. */
const LIMITS = { seconds: 15, megabytes: 600, milliseconds: 250 };
const QUICK_ROWS = 400_000;

/** Imports a file of resolved markets, makes its calibration report, and stops either midway. */
export function run(context) {
  return withSystem(context, async (system) => {
    const { quick, rows = quick ? QUICK_ROWS : 1_000_000, signal, tell } = context;
    const file = join(system.folder, 'markets.csv');
    await makeMarketsFile(file, Number(rows));
    const floor = await timed(() => copyIntoBareTable(system, file));
    const api = new Api((await system.start('api')).url, signal);
    await system.start('worker');
    const memory = watchMemory(system.processes());
    tell(`import of ${rows} rows`);
    const imported = await timed(() => api.importFile('bench', file));
    tell('report');
    const reported = await timed(() => api.report('bench'));
    const peaks = memory.stop();
    tell('stopping either midway');
    const silentAfter = {
      'report, by cancel': await api.reportEnded('bench', (runId) => api.cancel(runId)),
      'report, by the kill switch': await api.reportEnded('bench', () => api.halt()),
      'import, its sender gone while sending at full speed': await api.importAbandoned(file, system, 0.5),
      'import, its sender gone after the last byte': await api.importAbandoned(file, system, 1),
    };
    const pandas = compareWithPandas(file, reported.result, context.python);
    const bytes = (await stat(file)).size;
    return {
      tables: [
        {
          title: `${Number(rows).toLocaleString('en-US')} rows, ${Math.round(bytes / 1e6)} MB, in seconds`,
          columns: ['what', 'seconds'],
          rows: [
            ['COPY of the file into a table without keys or checks', rounded(floor.seconds)],
            ['import', rounded(imported.seconds)],
            ['report', rounded(reported.seconds)],
            ...(pandas.seconds === undefined ? [] : [[pandas.what, rounded(pandas.seconds)]]),
          ],
        },
        {
          title: 'Most memory, in MB',
          columns: ['process', 'MB'],
          rows: [...peaks, ...(pandas.megabytes === undefined ? [] : [[pandas.what, pandas.megabytes]])].map(
            ([name, megabytes]) => [name, rounded(megabytes)],
          ),
        },
      ],
      goals: [
        atMost('import and report, s', imported.seconds + reported.seconds, LIMITS.seconds),
        ...peaks.map(([name, megabytes]) => atMost(`memory of the ${name}, MB`, megabytes, LIMITS.megabytes)),
        ...Object.entries(silentAfter).map(([what, ms]) => atMost(`${what}: silent after ms`, ms, LIMITS.milliseconds)),
        ...pandas.goals,
      ],
      notes: [pandas.note],
    };
  });
}

/** The least that brings the file into a database. */
async function copyIntoBareTable(system, file) {
  await system.query(`CREATE TABLE floor_rows (market_id text, platform text, category text, question text,
    probability double precision, outcome smallint, as_of timestamptz, resolved_at timestamptz)`);
  const client = await system.pool.connect();
  try {
    await pipeline(createReadStream(file), client.query(copyFrom('COPY floor_rows FROM STDIN (FORMAT csv, HEADER)')));
  } finally {
    client.release();
  }
  await system.query('DROP TABLE floor_rows');
}

async function timed(work) {
  const begin = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - begin) / 1_000 };
}
