import { Pool } from 'pg';
import { v7 as newId } from 'uuid';
import { built } from '../scripts/lib/environment.mjs';
import { orStop } from '../scripts/lib/stop-requests.mjs';
import { fillLedger } from './lib/fill-ledger.mjs';
import { openOrdersProgram } from './lib/orders-program.mjs';
import { atLeast, atMost, milliseconds, rounded, withSpread } from './lib/results.mjs';
import { median, ratios, summary } from './lib/statistics.mjs';
import { withSystem } from './lib/system.mjs';
import { forgetRound, holdBeside, LIMITS, openMarkets, orderNumber, workBeside } from './lib/trading-place.mjs';

const MILLION = 1_000_000;
const CALLERS = 50;
const SINGLE_LIMIT_MS = 3;

/**
 * Admission of orders through the database, beside plain inserts of the same orders through the same pool, with more and more orders stored.
 * Two of the databases have none: how far they differ from each other is what the measurement itself is uncertain by.
 */
export function run(context) {
  return withSystem(context, async (system) => {
    const { quick, signal, tell } = context;
    const most = Number(context.rows ?? (quick ? MILLION / 10 : 10 * MILLION));
    const sizes = [0, 0, Math.round(most / 10), most];
    const rounds = quick ? 2 : 9;
    const seconds = quick ? 0.5 : 1;
    const places = [];
    try {
      for (const [index, orders] of sizes.entries()) {
        if (orders > 0) tell(`${rounded(orders)} orders`);
        places.push(await makePlace(system, `admission_${index}`, orders));
      }
      const loaded = [places[0], places.at(-1)];
      for (const place of places) await warmUp(place, signal);
      tell(`${CALLERS} callers`);
      const crowds = [];
      for (const place of loaded) crowds.push({ place, ...(await besideFloor(place, { signal, rounds, seconds })) });
      tell('single admissions');
      const singles = await singleAdmissions(places, { signal, rounds, seconds: seconds / 2 });
      return { tables: [crowdTable(crowds), singleTable(singles)], goals: goalsOf(crowds, singles), notes: NOTES };
    } finally {
      for (const place of places) await place.close();
    }
  });
}

const NOTES = [
  'All callers, the admission and the floor are in one process; its thread does the work of both, and the database is on the same machine.',
  'The second database without orders shows how far two equal ones differ; growth counts from where a ratio lies beyond its rounds.',
];

/** A database with so many orders, and the admission of one process on it. */
async function makePlace(system, name, orders) {
  const url = await system.makeDatabase(name);
  const program = await openOrdersProgram(url, LIMITS);
  const { pool } = program;
  // The program's own connections end whatever takes long.
  const upkeep = new Pool({ connectionString: url, max: 4 });
  upkeep.on('error', () => undefined);
  const { PlaceOrders } = await import(built('libs/orders/src/index.js'));
  // The same strategies trade and hold something everywhere, so that it is the stored orders alone that differ.
  await orStop(system.signal, fillLedger(upkeep, orders, { mode: 'paper', strategies: 100 }));
  await holdBeside(upkeep);
  if (orders > 0) await workBeside(upkeep);
  await openMarkets(upkeep);
  await upkeep.query('CREATE TABLE floor_orders (LIKE orders INCLUDING ALL)');
  await upkeep.query('VACUUM ANALYZE');
  let next = 0;
  return {
    orders,
    async admit() {
      const [result] = await program.execute(new PlaceOrders([orderNumber(next++)], 'bench'));
      if (result.kind !== 'admitted') throw new Error(`an order was answered ${JSON.stringify(result)}`);
    },
    insert: () => pool.query(INSERT, rowOf(orderNumber(next++))),
    forget: () => forgetRound(upkeep),
    async close() {
      await program.close();
      await upkeep.end();
    },
  };
}

const INSERT = `
  INSERT INTO floor_orders (id, strategy, mode, venue, account, market, outcome, side, type, price, quantity, time_in_force,
                            expires_at, post_only, reduce_only, fee_reserve, status)
  VALUES ($1, $2, 'paper', $3, 'default', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0.08, 'ADMITTED')`;

function rowOf({ strategy, venue, market, outcome, side, type, price, quantity, timeInForce, ...rest }) {
  const { expiresAt, postOnly, reduceOnly } = rest;
  const terms = [type, price, quantity, timeInForce, expiresAt, postOnly, reduceOnly];
  return [newId(), strategy, venue, market, outcome, side, ...terms];
}

/** What is compiled first is slow, and so is what a connection does for the first time. */
async function warmUp({ admit, insert, forget }, signal) {
  for (const work of [admit, insert]) await crowd(work, { signal, callers: CALLERS, seconds: 0.7 });
  await crowd(admit, { signal, callers: 1, seconds: 0.3 });
  await forget();
}

/** Callers that ask again as soon as they are answered. */
async function crowd(work, { signal, callers, seconds }) {
  const begin = performance.now();
  const until = begin + seconds * 1_000;
  const times = [];
  const caller = async () => {
    while (performance.now() < until) {
      signal.throwIfAborted();
      const asked = performance.now();
      await work();
      times.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return { perSecond: (times.length / (performance.now() - begin)) * 1_000, ...summary(times) };
}

/** Admissions and plain inserts in turns, so that whatever else the machine does meets both alike. */
async function besideFloor({ admit, insert, forget }, { signal, rounds, seconds }) {
  const measured = { admit: [], insert: [] };
  for (let round = 0; round < rounds; round += 1) {
    for (const which of round % 2 === 0 ? ['insert', 'admit'] : ['admit', 'insert']) {
      measured[which].push(await crowd({ admit, insert }[which], { signal, callers: CALLERS, seconds }));
      await forget();
    }
  }
  const all = (which, key) => measured[which].map((one) => one[key]);
  return {
    ours: {
      perSecond: median(all('admit', 'perSecond')),
      p50: median(all('admit', 'p50')),
      p99: median(all('admit', 'p99')),
    },
    floor: { perSecond: median(all('insert', 'perSecond')), p50: median(all('insert', 'p50')) },
    ratio: ratios(all('admit', 'perSecond'), all('insert', 'perSecond')),
  };
}

/** One caller, in all places in turns. @returns p50 in ms per place, and as a multiple of the first place's in the same round */
async function singleAdmissions(places, { signal, rounds, seconds }) {
  const p50s = places.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < places.length; turn += 1) {
      const which = (round + turn) % places.length;
      const { p50 } = await crowd(places[which].admit, { signal, callers: 1, seconds });
      p50s[which].push(p50);
      await places[which].forget();
    }
  }
  return places.map(({ orders }, index) => ({
    orders,
    p50: median(p50s[index]),
    multiple: ratios(p50s[index], p50s[0]),
  }));
}

function crowdTable(crowds) {
  return {
    title: `Orders per second with ${CALLERS} callers, and how long they took in ms (medians of the rounds; ratio with its spread)`,
    columns: ['orders stored', 'admitted/s', 'plain inserts/s', 'ratio', 'p50', 'p99', 'insert p50'],
    rows: crowds.map(({ place, ours, floor, ratio }) => [
      rounded(place.orders),
      rounded(ours.perSecond),
      rounded(floor.perSecond),
      withSpread(ratio),
      rounded(ours.p50),
      rounded(ours.p99),
      rounded(floor.p50),
    ]),
  };
}

function singleTable(singles) {
  return {
    title:
      'A single caller: p50 of an admission in ms, and as a multiple of that with no orders stored (with its spread)',
    columns: ['orders stored', 'p50', 'multiple'],
    rows: singles.map(({ orders, p50, multiple }, index) => [
      rounded(orders),
      rounded(p50),
      index === 0 ? '1' : withSpread(multiple),
    ]),
  };
}

function goalsOf(crowds, [empty, again, ...fuller]) {
  // Which of two equal databases comes out slower is chance, so the spread counts both ways.
  const noise = Math.max(again.multiple.most, 1 / again.multiple.least);
  return [
    ...crowds.map(({ place, ratio }) =>
      atLeast(`${rounded(place.orders)} orders stored: admissions/s as a multiple of plain inserts`, ratio.ratio, 1.5),
    ),
    atMost('p50 of a single admission', empty.p50, SINGLE_LIMIT_MS, milliseconds),
    ...fuller.map(({ orders, multiple }) => ({
      what: `a single admission with ${rounded(orders)} orders stored, as a multiple of that with none`,
      goal: `≤ ${rounded(noise)}, what two databases without orders differ by`,
      measured: rounded(multiple.ratio),
      reached: multiple.ratio <= noise,
    })),
  ];
}
