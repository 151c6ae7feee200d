import { inTurns } from './lib/in-turns.mjs';
import { atLeast, atMost, percent, rounded, withSpread } from './lib/results.mjs';
import { HEADERS, withSystem } from './lib/system.mjs';

/** Connections, and the least share of the floor's throughput. */
const LOADS = [
  [1, 0.5],
  [10, 0.8],
  [50, 1],
];
const P99_LIMIT = 3;
const BODY = JSON.stringify({ dryRun: true });

/** Starts of dry runs over HTTP; nobody takes them from the queue meanwhile. */
export function run(context) {
  return withSystem(context, async (system) => {
    const { signal, quick, tell } = context;
    const api = await system.start('api');
    const floor = await system.startFloor('start');
    const request = { method: 'POST', headers: HEADERS, body: BODY, expect: '202', seconds: quick ? 0.7 : 1.8 };
    const wishes = (connections) => ({
      floor: { ...request, url: `${floor.url}/`, connections },
      ours: { ...request, url: `${api.url}/api/execution/start`, connections },
    });
    await inTurns(signal, { wishes: wishes(10), rounds: 1 }); // what is compiled first is slow
    const measured = [];
    for (const [connections, share] of LOADS) {
      tell(`${connections} connections`);
      const rounds = quick ? 2 : 5;
      const result = await inTurns(signal, { wishes: wishes(connections), rounds, between: () => forgetRuns(system) });
      measured.push({ connections, share, ...result });
    }
    return { tables: [tableOf(measured)], goals: measured.flatMap(goalsOf), notes: notesOf(measured) };
  });
}

/** What earlier rounds left in tables and queue must not slow down later ones. */
async function forgetRuns(system) {
  await system.query('TRUNCATE runs, floor_runs CASCADE');
  await system.forgetJobs();
}

function tableOf(measured) {
  return {
    title: 'Starts per second, and how long they took in ms (medians of the rounds; ratios with their spread)',
    columns: ['connections', 'starts/s', 'floor', 'ratio', 'p50', 'floor', 'p99', 'floor', 'ratio'],
    rows: measured.map(({ connections, ours, floor, throughput, p99 }) => [
      String(connections),
      rounded(ours.perSecond),
      rounded(floor.perSecond),
      withSpread(throughput),
      rounded(ours.p50),
      rounded(floor.p50),
      rounded(ours.p99),
      rounded(floor.p99),
      withSpread(p99),
    ]),
  };
}

function goalsOf({ connections, share, throughput, p99 }) {
  const load = `with ${connections} connection${connections === 1 ? '' : 's'}`;
  return [
    atLeast(`${load}, starts/s as a share of the floor's`, throughput.ratio, share, percent),
    atMost(`${load}, p99 as a multiple of the floor's`, p99.ratio, P99_LIMIT),
  ];
}

function notesOf(measured) {
  return measured
    .filter(({ limitedByClient }) => limitedByClient)
    .map(({ connections }) => `With ${connections} connections the client itself may have been the limit.`);
}
