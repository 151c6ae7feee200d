import { readFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ROOT } from '../scripts/lib/environment.mjs';
import { CallApi } from './lib/call-api.mjs';
import { atMost, milliseconds, rounded } from './lib/results.mjs';
import { summary } from './lib/statistics.mjs';
import { toggleWhileStarting } from './lib/toggles.mjs';
import { withSystem } from './lib/system.mjs';

const WORKERS = 2;
/** Runs that work while the switch is pressed, over both workers. */
const RUNS = { signal: 6, child: 4 };
const LIMIT_MS = { signal: 50, child: 250 };
const PATIENCE_MS = 20_000;

/** How soon running work is silent after a stop's answer, and that nothing is admitted after it. */
export function run(context) {
  return withSystem(context, async (system) => {
    const { quick, tell } = context;
    const rounds = quick ? 10 : 200;
    await system.query('CREATE TABLE witness (run_id uuid, epoch int, pid int, stage text, kind text, at timestamptz)');
    const python = join(system.folder, 'python');
    await cp(join(ROOT, 'bench/entrypoint'), python, { recursive: true });
    const environment = { NODE_ENV: 'test', WITNESS_PIPELINE: 'true', CALIBRATION_PYTHON_PATH: python };
    const api = new CallApi((await system.start('api', environment)).url, context.signal);

    tell('starts while the switch is toggled');
    const toggles = await toggleWhileStarting(api, system, quick ? 200 : 10_000);
    const workers = [];
    for (let n = 0; n < WORKERS; n += 1) workers.push(await system.start('worker', environment));
    tell('work that heeds an AbortSignal');
    const signal = await repeated(rounds, () => silenceOf(api, signalledWork(system)));
    tell('child processes');
    const child = await repeated(rounds, () => silenceOf(api, childWork(python)));
    return { tables: tablesOf({ signal, child }, rounds, toggles), goals: goalsOf({ signal, child }, toggles) };
  });
}

async function repeated(rounds, work) {
  const all = [];
  for (let round = 0; round < rounds; round += 1) all.push(await work());
  return all;
}

/** A pipeline's work: what to start, how many are at work, and when (ms since 1970) the last of them fell silent. */
function signalledWork(system) {
  const testimonies = async (runIds, kinds) =>
    system.query(
      `SELECT count(DISTINCT run_id)::int AS runs, extract(epoch FROM max(at)) * 1000 AS last FROM witness
       WHERE run_id = ANY($1::uuid[]) AND kind = ANY($2)`,
      [runIds, kinds],
    );
  return {
    wish: { dryRun: false, pipeline: 'witness', input: { workMs: 600_000, beatMs: 5 } },
    count: RUNS.signal,
    atWork: async (runIds) => (await testimonies(runIds, ['beat']))[0].runs,
    silent: async (runIds) => (await testimonies(runIds, ['abort']))[0].runs,
    // The last sign of life of any kind, also one that came after another run's end.
    lastSign: async (runIds) => Number((await testimonies(runIds, ['beat', 'abort', 'end']))[0].last),
  };
}

function childWork(folder) {
  const notes = (runIds, ending) => runIds.map((runId) => readOrNull(join(folder, `${runId}.${ending}`)));
  const found = (runIds, ending) => notes(runIds, ending).filter((note) => note !== null).length;
  return {
    wish: { dryRun: false, pipeline: 'python', input: {} },
    count: RUNS.child,
    atWork: (runIds) => found(runIds, 'working'),
    silent: (runIds) => found(runIds, 'signalled'),
    lastSign: (runIds) => Math.max(...notes(runIds, 'signalled').map((seconds) => Number(seconds) * 1_000)),
  };
}

/** One round: has runs work, presses the switch. @returns ms from its answer to the last sign of life, at least 0 */
async function silenceOf(api, { wish, count, atWork, silent, lastSign }) {
  const runIds = await Promise.all(Array.from({ length: count }, () => api.start(wish)));
  await until(async () => (await atWork(runIds)) === count, api);
  await api.stop(true);
  const answeredAt = performance.timeOrigin + performance.now();
  await until(async () => (await silent(runIds)) === count, api);
  await until(async () => (await api.statuses(runIds)).every((status) => status === 'CANCELED'), api);
  const silence = (await lastSign(runIds)) - answeredAt;
  await api.stop(false);
  return Math.max(silence, 0);
}

async function until(reached, { signal }) {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await reached())) {
    signal.throwIfAborted();
    if (performance.now() > deadline) throw new Error('the runs do not begin, or do not end');
    await delay(5);
  }
}

function readOrNull(path) {
  try {
    return readFileSync(path, 'utf8') || null;
  } catch {
    return null;
  }
}

const NAMES = { signal: 'work that heeds an AbortSignal', child: 'child processes, signalled' };

function tablesOf(silences, rounds, { toggles, accepted, refused, late }) {
  return [
    {
      title: `Milliseconds from the stop's answer to the last sign of life, ${rounds} rounds, ${WORKERS} workers`,
      columns: ['running work', 'runs', 'p50', 'p99', 'max'],
      rows: Object.entries(silences).map(([kind, all]) => {
        const { p50, p99, max } = summary(all);
        return [NAMES[kind], String(RUNS[kind]), rounded(p50), rounded(p99), rounded(max)];
      }),
    },
    {
      title: 'Starts that stream in while the switch is turned on and off',
      columns: ['rounds', 'accepted', 'refused', 'admitted after the answer'],
      rows: [[toggles, accepted, refused, late].map(rounded)],
    },
  ];
}

function goalsOf(silences, { toggles, late }) {
  const what = `starts admitted after a stop's answer, in ${rounded(toggles)} rounds`;
  return [
    ...Object.entries(silences).map(([kind, all]) =>
      atMost(`${NAMES[kind]}: p99 of the silence`, summary(all).p99, LIMIT_MS[kind], milliseconds),
    ),
    { what, goal: '0', measured: rounded(late), reached: late === 0 },
  ];
}
