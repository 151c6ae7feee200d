import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { ROOT } from '../scripts/lib/environment.mjs';
import { endGroup } from '../scripts/lib/run-command.mjs';
import { orStop } from '../scripts/lib/stop-requests.mjs';
import { load } from './lib/load.mjs';
import { atMost, milliseconds, rounded } from './lib/results.mjs';
import { median } from './lib/statistics.mjs';
import { HEADERS, withSystem } from './lib/system.mjs';

const START_LIMIT_MS = 4_000;
const MEMORY_LIMIT_MB = 200;
const AT_REST_AFTER_MS = 5_000;

/** How soon the system is there, and what it holds while nothing happens. */
export function run(context) {
  return withSystem(context, async (system) => {
    const rounds = context.quick ? 1 : 5;
    context.tell('npm start');
    const first = await launch(system, context.signal);
    const launches = await several(rounds, () => launch(system, context.signal));
    context.tell('api and worker');
    const programs = {};
    for (const kind of ['api', 'worker']) programs[kind] = await several(rounds, () => startOnce(system, kind));
    context.tell('memory');
    const memory = await memoryOf(system, context.signal);
    const again = median(launches);
    return {
      tables: [
        {
          title: 'Time from cold start to ready, in ms (medians)',
          columns: ['what', 'ms'],
          rows: [
            ['npm start, built, its first time in a folder (makes the database, runs a calibration)', rounded(first)],
            ['npm start, built, afterwards', rounded(again)],
            ['api alone, on a database that runs', rounded(median(programs.api))],
            ['worker alone, on a database that runs', rounded(median(programs.worker))],
          ],
        },
        {
          title: 'Memory (resident set) in MB',
          columns: ['program', 'at rest', 'after 5 s of starts with 50 connections'],
          rows: Object.entries(memory).map(([kind, { rest, after }]) => [kind, rounded(rest), rounded(after)]),
        },
      ],
      goals: [
        atMost('npm start, built, to ready', again, START_LIMIT_MS, milliseconds),
        ...Object.entries(memory).map(([kind, { rest }]) =>
          atMost(`memory of the ${kind} at rest`, rest, MEMORY_LIMIT_MB, (value) => `${rounded(value)} MB`),
        ),
      ],
    };
  });
}

async function several(rounds, work) {
  const all = [];
  for (let round = 0; round < rounds; round += 1) all.push(await work());
  return all;
}

/** `npm start` without npm, in a home of its own, until it says that it is ready. @returns milliseconds */
async function launch(system, signal) {
  const begin = performance.now();
  const child = spawn(process.execPath, ['scripts/start.mjs'], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      HOME: system.folder,
      INTERLOCK_HOME: `${system.folder}/home`,
      PORT: '0',
      WORKER_PORT: '0',
      CI: '1',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const ready = new Promise((resolve, reject) => {
    let output = '';
    child.stdout.on('data', (bytes) => {
      output += bytes;
      if (output.includes('Interlock is ready')) resolve(performance.now() - begin);
    });
    child.once('exit', (code) => reject(new Error(`npm start ended with ${code}:\n${output.slice(-2_000)}`)));
  });
  try {
    return await orStop(signal, ready);
  } finally {
    await endGroup(child, 20_000);
  }
}

async function startOnce(system, kind) {
  const program = await system.start(kind);
  const took = performance.now() - program.startedAt;
  await program.stop();
  return took;
}

async function memoryOf(system, signal) {
  const api = await system.start('api');
  const worker = await system.start('worker');
  await orStop(signal, delay(AT_REST_AFTER_MS));
  const rest = { api: residentMb(api.pid), worker: residentMb(worker.pid) };
  const url = `${api.url}/api/execution/start`;
  await load(signal, { url, method: 'POST', headers: HEADERS, body: '{}', expect: '202', connections: 50, seconds: 5 });
  const after = { api: residentMb(api.pid), worker: residentMb(worker.pid) };
  return {
    api: { rest: rest.api, after: after.api },
    worker: { rest: rest.worker, after: after.worker },
  };
}

function residentMb(pid) {
  const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1_000;
}
