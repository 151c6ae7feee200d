/**
 * The benchmarks, in the order in which `all` runs them.
 *
 * Each module exports `run(context)`, which resolves with `{ tables, goals, notes }`, as results.mjs describes them. `takes` is what it
 * takes on four quiet cores, in seconds, per backend.
 */
export const BENCHMARKS = {
  start: {
    shows: 'starts of dry runs over HTTP, beside bare node:http + one insert + one BullMQ add',
    takes: 75,
    perBackend: true,
    load: () => import('../start.mjs'),
  },
  datasets: {
    shows:
      'import and report of a million markets, their memory and how soon they stop, beside COPY and pandas + scikit-learn',
    takes: 40,
    load: () => import('../datasets.mjs'),
  },
  overload: {
    shows: 'what refusing costs the api (429, 401, 413, QUEUE_FULL), beside accepting',
    takes: 120,
    load: () => import('../overload.mjs'),
  },
  drain: {
    shows: 'dry runs per second of a worker, beside a bare BullMQ worker that does nothing',
    takes: 60,
    perBackend: true,
    load: () => import('../drain.mjs'),
  },
  http: {
    shows: 'health, markets fallback and list of runs, beside a bare Nest handler',
    takes: 60,
    load: () => import('../http.mjs'),
  },
  kill: {
    shows: 'how soon the last running work is silent after a stop has answered, and that nothing starts after it',
    takes: 120,
    load: () => import('../kill.mjs'),
  },
  stop: {
    shows: 'how soon the paper venue shows no working order after a stop with 500 of them',
    takes: 120,
    load: () => import('../stop.mjs'),
  },
  guards: {
    shows: 'admission at start and claim with 0, 1 million and 10 million orders in the tables',
    takes: 150,
    load: () => import('../guards.mjs'),
  },
  admission: {
    shows: 'orders admitted with 0, 1 million and 10 million stored, beside plain inserts through the same pool',
    takes: 240,
    load: () => import('../admission.mjs'),
  },
  replay: {
    shows: 'a million fills rebuilt from the journal and compared with the books, to the last digit',
    takes: 240,
    load: () => import('../replay.mjs'),
  },
  footprint: {
    shows: 'time from cold start to ready, and memory at rest',
    takes: 40,
    load: () => import('../footprint.mjs'),
  },
};

export const BACKENDS = ['postgres', 'redis'];

export function help() {
  const lines = Object.entries(BENCHMARKS).map(([name, { shows, takes, perBackend }]) => {
    const time = `${takes} s${perBackend ? ' per backend' : ''}`;
    return `  ${name.padEnd(10)} ${shows} (${time})`;
  });
  return `Usage: npm run bench -- <name> [--backend postgres|redis] [--quick]

${lines.join('\n')}
  all        each of them, start and drain on both backends
  report     puts the latest results into docs/performance.md

Each has a PostgreSQL, programs and ports of its own in a temporary folder, prints a table and writes bench/results/<name>.json. What
depends on the machine is compared with a floor that is measured in turns with it, so that the ratios hold on a busy machine too. It
ends with 0 when every goal was reached.

  --backend <name>   the queue's backend, for start and drain; postgres unless told. redis needs redis-server in the PATH
  --quick            a small fraction of the rounds, to try it out; writes no result
  --rows <number>    most rows of guards and admission (10000000), datasets and replay (1000000)
  --python <path>    the interpreter of the comparison with pandas and scikit-learn; skipped where it does not have them
  --profile          writes CPU profiles of the programs to the working directory; bench/read-profile.mjs tells their parts`;
}
