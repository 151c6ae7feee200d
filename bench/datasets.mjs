#!/usr/bin/env node
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdtemp, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { compile } from '../scripts/lib/compile.mjs';
import { migrate, seed } from '../scripts/lib/database.mjs';
import { built, ROOT } from '../scripts/lib/environment.mjs';

const HELP = `Usage: node bench/datasets.mjs [--rows 1000000]

Makes a dataset, imports it over the API, lets a worker make the calibration report, and prints how long that took and the most
memory that each process had; then the same numbers by pandas and scikit-learn where they are installed.`;

/** What is promised for a million rows: import and report together, any process's memory, work silent after a stop. */
const FLOORS = { seconds: 15, megabytes: 600, milliseconds: 250 };
const TOKEN = 'bench-token-bench-token';

const { values: options } = parseArgs({
  options: { rows: { type: 'string', default: '1000000' }, help: { type: 'boolean' } },
});
if (options.help) {
  console.log(HELP);
  process.exit(0);
}
process.chdir(ROOT);
await compile();
const folder = await realpath(await mkdtemp(join(tmpdir(), 'interlock-bench-')));
await chmod(folder, 0o755); // as root, the server runs under another account
const { startEmbeddedServer } = await import(built('libs/persistence/src/embedded/index.js'));
const children = [];
let server;
let withinFloors = false;
try {
  server = await startEmbeddedServer(folder, {});
  await migrate(server.connectionString);
  await seed(server.connectionString);
  const file = join(folder, 'markets.csv');
  await makeFile(file, Number(options.rows));
  const api = await startProgram('api');
  const worker = await startProgram('worker');
  const memory = watchMemory({ api: api.pid, worker: worker.pid, 'database (largest process)': server.pid });

  const imported = await timed(() => importFile(api.url, file));
  const reported = await timed(() => makeReport(api.url));
  const peaks = memory.stop();
  const silentAfter = { cancel: await ended(api.url, cancel), 'kill switch': await ended(api.url, halt) };
  const total = imported.seconds + reported.seconds;
  const bytes = (await stat(file)).size;
  console.log(`\n${imported.result.rows} rows, ${Math.round(bytes / 1e6)} MB\n`);
  console.table({
    import: { seconds: rounded(imported.seconds) },
    report: { seconds: rounded(reported.seconds) },
    both: { seconds: rounded(total), 'at most': FLOORS.seconds },
  });
  console.table(
    Object.fromEntries(
      Object.entries(peaks).map(([name, kilobytes]) => [
        name,
        { 'peak MB': Math.round(kilobytes / 1024), 'at most': FLOORS.megabytes },
      ]),
    ),
  );
  console.table(
    Object.fromEntries(
      Object.entries(silentAfter).map(([name, milliseconds]) => [
        name,
        { 'silent after ms': Math.round(milliseconds), 'at most': FLOORS.milliseconds },
      ]),
    ),
  );
  withinFloors =
    total < FLOORS.seconds &&
    Object.values(peaks).every((peak) => peak / 1024 < FLOORS.megabytes) &&
    Object.values(silentAfter).every((milliseconds) => milliseconds < FLOORS.milliseconds);
  compareWithPython(file, reported.result);
} finally {
  for (const child of children) child.kill('SIGKILL');
  await server?.stop(5_000);
  await rm(folder, { recursive: true, force: true });
}
console.log(withinFloors ? '[RESULT] within the floors' : '[RESULT] MISSED the floors');
process.exit(withinFloors ? 0 : 1);

/** Well calibrated markets with made-up ids, as a market's export has them: quoted text, two times, many digits. */
async function makeFile(path, rows) {
  const categories = ['politics', '"sports, US"', 'weather', 'economy', 'culture', 'crypto', 'science', 'world'];
  const platforms = ['kalshi', 'polymarket', 'manifold'];
  let state = 42;
  const random = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
  const out = createWriteStream(path);
  let text = 'market_id,platform,category,question,probability,outcome,as_of,resolved_at\n';
  for (let i = 0; i < rows; i += 1) {
    const probability = random();
    const id = (Math.imul(i, 2_654_435_761) >>> 0).toString(36);
    text += `KX${id}-${i},${platforms[i % 3]},${categories[i % 8]},"Will event ${i}, the one, happen?",${probability},`;
    text += `${random() < probability ? 1 : 0},2026-01-08,2026-01-${10 + (i % 20)}T20:03:39Z\n`;
    if (text.length < 1 << 20) continue;
    if (!out.write(text)) await once(out, 'drain');
    text = '';
  }
  out.end(text);
  await once(out, 'finish');
}

async function startProgram(kind) {
  const child = spawn(process.execPath, ['--enable-source-maps', `dist/apps/${kind}/main.js`], {
    env: {
      PATH: process.env.PATH,
      INTERLOCK_HOME: folder,
      DATABASE_URL: server.connectionString,
      ADMIN_API_TOKEN: TOKEN,
      PORT: '0',
      WORKER_PORT: '0',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  let output = '';
  child.stdout.on('data', (bytes) => (output += bytes));
  for (let tries = 0; tries < 300; tries += 1) {
    const url = /"address":"([^"]+)"/.exec(output)?.[1];
    const path = kind === 'api' ? '/api/health/ready' : '/health/ready';
    if (url !== undefined && (await fetch(url + path).catch(() => undefined))?.ok) return { pid: child.pid, url };
    await delay(100);
  }
  throw new Error(`the ${kind} did not become ready: ${output.slice(-2_000)}`);
}

/** Notes the most memory that each process had at any look; of the database, its largest process. */
function watchMemory(pids) {
  const peaks = {};
  const look = () => {
    const { stdout } = spawnSync('ps', ['-eo', 'pid=,ppid=,rss='], { encoding: 'utf8' });
    for (const line of stdout.split('\n')) {
      const [pid, parent, rss] = line.trim().split(/\s+/).map(Number);
      for (const [name, wanted] of Object.entries(pids)) {
        if (pid === wanted || parent === wanted) peaks[name] = Math.max(peaks[name] ?? 0, rss);
      }
    }
  };
  const timer = setInterval(look, 250);
  return {
    stop: () => {
      clearInterval(timer);
      look();
      return peaks;
    },
  };
}

async function timed(work) {
  const begin = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - begin) / 1_000 };
}

async function call(api, method, path, request = {}) {
  const response = await fetch(`${api}/api${path}`, {
    method,
    ...request,
    headers: { authorization: `Bearer ${TOKEN}`, ...request.headers },
  });
  const body = await response.json();
  if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(body)}`);
  return body;
}

async function importFile(api, path) {
  const body = createReadStream(path, { highWaterMark: 1 << 18 });
  const request = { body, duplex: 'half', headers: { 'content-type': 'text/csv' } };
  return (await call(api, 'PUT', '/datasets/bench', request)).dataset;
}

/** Milliseconds from the answer of what ends a run, in the middle of its scoring, until the run has ended CANCELED. */
async function ended(api, end) {
  const { runId } = await startCalibration(api);
  await runUntil(api, runId, ({ stages }) =>
    stages.some(({ name, progress }) => name === 'score' && progress?.done > 0),
  );
  await end(api, runId);
  const answeredAt = performance.now();
  const run = await runUntil(api, runId, ({ finishedAt }) => finishedAt !== undefined);
  if (run.status !== 'CANCELED') throw new Error(`the run ended ${run.status} before it could be stopped`);
  return performance.now() - answeredAt;
}

function cancel(api, runId) {
  return call(api, 'POST', `/runs/${runId}/cancel`);
}

function halt(api) {
  return call(api, 'POST', '/execution/stop', jsonBody({ reason: 'benchmark' }));
}

async function runUntil(api, runId, reached) {
  for (;;) {
    const { run } = await call(api, 'GET', `/runs/${runId}`);
    if (reached(run)) return run;
    await delay(5);
  }
}

function jsonBody(body) {
  return { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
}

function startCalibration(api) {
  const wish = { dryRun: false, pipeline: 'calibration', input: { dataset: 'bench' } };
  return call(api, 'POST', '/execution/start', jsonBody(wish));
}

async function makeReport(api) {
  const { runId } = await startCalibration(api);
  const run = await runUntil(api, runId, ({ finishedAt }) => finishedAt !== undefined);
  if (run.status !== 'COMPLETED') throw new Error(`the run ended ${run.status}: ${run.failure?.message}`);
  return (await call(api, 'GET', `/runs/${runId}/report`)).report;
}

function compareWithPython(file, report) {
  const script = `
import json, resource, sys, time
begin = time.perf_counter()
import numpy as np, pandas as pd
from sklearn.metrics import brier_score_loss, log_loss
data = pd.read_csv(sys.argv[1])
p, y = data["probability"].to_numpy(), data["outcome"].to_numpy()
which = np.minimum((p * 10).astype(int), 9)
ece = sum(abs(p[which == i].sum() - y[which == i].sum()) for i in range(10)) / len(p)
for column in ("platform", "category"):
    for _, part in data.groupby(column):
        brier_score_loss(part["outcome"], part["probability"]); log_loss(part["outcome"], part["probability"])
print(json.dumps({"brier": brier_score_loss(y, p), "logLoss": log_loss(y, p), "ece": float(ece),
  "seconds": time.perf_counter() - begin, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))`;
  const { status, stdout } = spawnSync('python3', ['-c', script, file], { encoding: 'utf8' });
  if (status !== 0) {
    console.log('pandas and scikit-learn: SKIPPED, not installed for python3');
    return;
  }
  const theirs = JSON.parse(stdout);
  console.log('pandas and scikit-learn read the file into memory and make the same numbers:');
  console.table({
    'pandas + scikit-learn': { seconds: rounded(theirs.seconds), 'peak MB': Math.round(theirs.megabytes) },
  });
  for (const score of ['brier', 'logLoss', 'ece']) {
    const difference = Math.abs(theirs[score] - report[score]);
    if (difference > 1e-9) throw new Error(`${score} differs by ${difference}`);
  }
  console.log('Brier score, log loss and calibration error agree to 1e-9.');
}

function rounded(seconds) {
  return Math.round(seconds * 100) / 100;
}
