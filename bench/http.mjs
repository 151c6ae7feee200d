import { inTurns } from './lib/in-turns.mjs';
import { atLeast, percent, rounded, withSpread } from './lib/results.mjs';
import { HEADERS, withSystem } from './lib/system.mjs';

/** Route, and the least share of the bare handler's throughput; the list of runs is reported only. */
const ROUTES = [
  ['health', 0.7],
  ['markets', 0.7],
  ['runs', undefined],
];
const CONNECTIONS = 50;
const RUNS = 10_000;

/** Answers to GET requests beside bare Nest handlers that answer at once with bodies like ours. */
export function run(context) {
  return withSystem(context, async (system) => {
    const { signal, quick, tell } = context;
    await makeRuns(system);
    const api = await system.start('api', { MARKETS_SOURCE_BASE_URL: 'http://127.0.0.1:9' }); // nobody answers there
    const floor = await system.startFloor('nest');
    const request = { headers: HEADERS, connections: CONNECTIONS, seconds: quick ? 0.7 : 1.5 };
    const measured = [];
    for (const [route, share] of ROUTES) {
      tell(route);
      const wishes = {
        floor: { ...request, url: `${floor.url}/${route}` },
        ours: { ...request, url: `${api.url}/api/${route}` },
      };
      await inTurns(signal, { wishes, rounds: 1 }); // what is compiled first is slow
      measured.push({ route, share, ...(await inTurns(signal, { wishes, rounds: quick ? 2 : 5 })) });
    }
    return {
      tables: [tableOf(measured)],
      goals: measured
        .filter(({ share }) => share !== undefined)
        .map(({ route, share, throughput }) =>
          atLeast(`${route}, answers/s as a share of a bare handler's`, throughput.ratio, share, percent),
        ),
      notes: measured
        .filter(({ limitedByClient }) => limitedByClient)
        .map(({ route }) => `At ${route} the client itself may have been the limit.`),
    };
  });
}

function tableOf(measured) {
  return {
    title: `Answers per second with ${CONNECTIONS} connections, and how long they took in ms (medians of the rounds; ratios with their spread)`,
    columns: ['GET /api/…', 'answers/s', 'floor', 'ratio', 'p50', 'floor', 'p99', 'floor'],
    rows: measured.map(({ route, ours, floor, throughput }) => [
      route === 'runs' ? `runs (50 of ${rounded(RUNS)})` : route,
      rounded(ours.perSecond),
      rounded(floor.perSecond),
      withSpread(throughput),
      rounded(ours.p50),
      rounded(floor.p50),
      rounded(ours.p99),
      rounded(floor.p99),
    ]),
  };
}

async function makeRuns(system) {
  await system.query(
    `INSERT INTO runs (id, status, mode, dry_run, max_position, pipeline, strategy, input, attempt, started_at, finished_at)
     SELECT gen_random_uuid(), 'DRY_RUN_DONE', 'mock', true, 1000000, 'calibration', 'default', '{}', 1, now(), now()
     FROM generate_series(1, $1)`,
    [RUNS],
  );
}
