import { Client, Pool } from 'pg';
import { orStop } from '../scripts/lib/stop-requests.mjs';
import { fillLedger } from './lib/fill-ledger.mjs';
import { load } from './lib/load.mjs';
import { rounded, withSpread } from './lib/results.mjs';
import { median, percentile } from './lib/statistics.mjs';
import { HEADERS, withSystem } from './lib/system.mjs';

const MILLION = 1_000_000;
const CLAIMS_PER_ROUND = 200;

/**
 * Admission with fuller and fuller tables: databases of one server, measured in turns. Two of them are empty: how far they differ
 * from each other is what the measurement itself is uncertain by.
 */
export function run(context) {
  return withSystem(context, async (system) => {
    const { signal, quick, tell } = context;
    const most = Number(context.rows ?? (quick ? MILLION / 10 : 10 * MILLION));
    const sizes = [0, 0, Math.round(most / 10), most];
    const places = [];
    try {
      for (const [index, orders] of sizes.entries()) {
        if (orders > 0) tell(`${rounded(orders)} orders`);
        places.push(await makePlace(system, `guards_${index}`, orders));
      }
      tell('admissions');
      const rounds = quick ? 3 : 9;
      await measure(places, signal, 1); // what is compiled first is slow
      const measured = await measure(places, signal, rounds);
      const compared = places.slice(1).map((place, index) => ({ place, ...compare(measured[index + 1], measured[0]) }));
      return { tables: [tableOf(places, measured, compared)], goals: goalsOf(compared), notes: NOTES };
    } finally {
      for (const { pool, claimer } of places) {
        await claimer.end();
        await pool.end();
      }
    }
  });
}

const NOTES = [
  'The second empty database shows how far two equal ones differ; growth counts from where a ratio lies beyond its rounds.',
  'Starts are single ones over HTTP, with RUN_START_LIMIT_PER_MIN set, so that they are counted; claims are the call that locks and reads, rolled back.',
];

/** A database with so many orders, and an api on it. */
async function makePlace(system, name, orders) {
  const url = await system.makeDatabase(name);
  const pool = new Pool({ connectionString: url, max: 4 });
  const claimer = new Client({ connectionString: url });
  for (const client of [pool, claimer]) client.on('error', () => undefined);
  await claimer.connect();
  if (orders > 0) await orStop(system.signal, fillLedger(pool, orders));
  await pool.query('VACUUM ANALYZE');
  const api = await system.start('api', { DATABASE_URL: url, RUN_START_LIMIT_PER_MIN: '1000000' });
  const [{ size }] = (await pool.query('SELECT pg_database_size(current_database()) / 1e6 AS size')).rows;
  return { orders, pool, claimer, megabytes: Number(size), url: `${api.url}/api/execution/start` };
}

/** @returns per place the p50 of each round, in ms */
async function measure(places, signal, rounds) {
  const measured = places.map(() => ({ start: [], claim: [] }));
  for (let round = 0; round < rounds; round += 1) {
    // Each round begins with another one, so that none is always the first or the last.
    for (let turn = 0; turn < places.length; turn += 1) {
      const which = (round + turn) % places.length;
      const { url, claimer } = places[which];
      const wish = { url, method: 'POST', headers: HEADERS, body: '{"dryRun":true}', expect: '202' };
      measured[which].start.push((await load(signal, { ...wish, connections: 1, seconds: 0.8 })).p50);
      measured[which].claim.push(await claimTime(claimer));
    }
  }
  return measured;
}

async function claimTime(client) {
  const { rows } = await client.query(`SELECT id FROM runs WHERE status = 'QUEUED' LIMIT 1`);
  const parameters = [[rows[0].id], ['global', 'mode:mock', 'strategy:default'], ['mock'], 300_000];
  const times = [];
  for (let n = 0; n < CLAIMS_PER_ROUND; n += 1) {
    await client.query('BEGIN');
    const begin = performance.now();
    await client.query('SELECT open_claims($1::uuid[], $2::text[], $3::text[], $4)', parameters);
    times.push(performance.now() - begin);
    await client.query('ROLLBACK');
  }
  return percentile(
    times.toSorted((a, b) => a - b),
    0.5,
  );
}

/** Each round's time as a share of the empty database's in the same round. */
function compare(place, empty) {
  const shares = (kind) => place[kind].map((time, round) => time / empty[kind][round]).toSorted((a, b) => a - b);
  const compared = (kind) => {
    const all = shares(kind);
    return { ratio: median(all), least: all[0], most: all.at(-1) };
  };
  return { start: compared('start'), claim: compared('claim') };
}

function tableOf(places, measured, compared) {
  const times = ({ start, claim }) => [rounded(median(start)), rounded(median(claim))];
  return {
    title: 'Admission p50 in ms, and as a multiple of that with empty tables (median of the rounds, with their spread)',
    columns: ['orders', 'database MB', 'start', 'claim', 'start, multiple', 'claim, multiple'],
    rows: places.map((place, index) => [
      rounded(place.orders),
      rounded(place.megabytes),
      ...times(measured[index]),
      ...(index === 0 ? ['1', '1'] : ['start', 'claim'].map((kind) => withSpread(compared[index - 1][kind]))),
    ]),
  };
}

function goalsOf([again, ...fuller]) {
  // Which of two equal databases comes out slower is chance, so the spread counts both ways.
  const noise = (kind) => Math.max(again[kind].most, 1 / again[kind].least);
  return fuller.flatMap(({ place, ...compared }) =>
    ['start', 'claim'].map((kind) => ({
      what: `${kind} with ${rounded(place.orders)} orders, as a multiple of that with none`,
      goal: `≤ ${rounded(noise(kind))}, what two empty databases differ by`,
      measured: rounded(compared[kind].ratio),
      reached: compared[kind].ratio <= noise(kind),
    })),
  );
}
