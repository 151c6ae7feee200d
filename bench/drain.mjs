import { setTimeout as delay } from 'node:timers/promises';
import { v7 as newId } from 'uuid';
import { JOB_OPTIONS, openQueue } from './lib/queue-client.mjs';
import { atLeast, percent, rounded, withSpread } from './lib/results.mjs';
import { median, ratios } from './lib/statistics.mjs';
import { withSystem } from './lib/system.mjs';

/** What users get, and what a worker that shall carry much is given. */
const CONCURRENCIES = [4, 50];
/** Jobs of one round: enough for about three seconds of the floor. */
const JOBS = { postgres: 4_000, redis: 12_000 };
const LEAST_SHARE = 0.5;
const CHUNK = 500;

/** Dry runs from full queue to empty queue. */
export function run(context) {
  return withSystem(context, async (system) => {
    const measured = [];
    for (const concurrency of CONCURRENCIES) {
      context.tell(`concurrency ${concurrency}`);
      measured.push({ concurrency, ...(await measure(system, context, concurrency)) });
    }
    const table = {
      title:
        'Dry runs per second, and jobs per second of the bare worker (medians of the rounds; ratios with their spread)',
      columns: ['concurrency', 'dry runs/s', 'floor', 'ratio'],
      rows: measured.map(({ concurrency, ours, floor, share }) => [
        String(concurrency),
        rounded(ours),
        rounded(floor),
        withSpread(share),
      ]),
    };
    const goals = measured.map(({ concurrency, share }) =>
      atLeast(
        `dry runs/s as a share of a bare worker's, concurrency ${concurrency}`,
        share.ratio,
        LEAST_SHARE,
        percent,
      ),
    );
    return { tables: [table], goals };
  });
}

async function measure(system, { quick, signal, backend }, concurrency) {
  const environment = { WORKER_CONCURRENCY: String(concurrency) };
  const worker = await system.start('worker', environment);
  const floor = await system.startFloor('drain', environment);
  const queues = {
    ours: await openQueue('execution_start', system.environment),
    floor: await openQueue('floor_drain', system.environment),
  };
  const jobs = quick ? 500 : JOBS[backend];
  const measured = { ours: [], floor: [] };
  const rounds = quick ? 2 : 5;
  try {
    for (const which of ['ours', 'floor']) await drain(system, signal, queues[which], which, 200); // what is compiled first is slow
    for (let round = 0; round < rounds; round += 1) {
      for (const which of round % 2 === 0 ? ['floor', 'ours'] : ['ours', 'floor']) {
        measured[which].push(await drain(system, signal, queues[which], which, jobs));
      }
    }
  } finally {
    await Promise.all([worker.stop(), floor.stop()]);
    for (const queue of Object.values(queues)) await queue.close();
  }
  return {
    ours: median(measured.ours),
    floor: median(measured.floor),
    share: ratios(measured.ours, measured.floor),
  };
}

const LONGEST_ROUND_MS = 60_000;

/** Fills the queue while it is paused, then opens it. @returns jobs per second until none is left */
async function drain(system, signal, queue, which, count) {
  await queue.pause();
  const runIds = Array.from({ length: count }, () => newId());
  if (which === 'ours') await insertDryRuns(system, runIds);
  for (let from = 0; from < count; from += CHUNK) {
    const jobs = runIds.slice(from, from + CHUNK).map((runId) => ({
      name: queue.name,
      data: { runId },
      opts: { ...JOB_OPTIONS, jobId: runId },
    }));
    await queue.addBulk(jobs);
  }
  const begin = performance.now();
  await queue.resume();
  await emptied(queue, signal);
  const seconds = (performance.now() - begin) / 1_000;
  if (which === 'ours') await checkDone(system, runIds);
  return count / seconds;
}

async function insertDryRuns(system, runIds) {
  await system.query(
    `INSERT INTO runs (id, status, mode, dry_run, max_position, pipeline, strategy, input)
     SELECT id, 'QUEUED', 'mock', true, 1000000, 'calibration', 'default', '{"dataset": "sample", "bins": 10}'
     FROM unnest($1::uuid[]) AS id`,
    [runIds],
  );
}

async function emptied(queue, signal) {
  const deadline = performance.now() + LONGEST_ROUND_MS;
  for (;;) {
    signal.throwIfAborted();
    if (performance.now() > deadline)
      throw new Error(`the queue ${queue.name} is not empty after ${LONGEST_ROUND_MS} ms`);
    const counts = await queue.getJobCounts('waiting', 'active', 'paused');
    if (Object.values(counts).every((left) => left === 0)) return;
    await delay(20);
  }
}

/** Nothing counts that was not carried out. */
async function checkDone(system, runIds) {
  const [{ done }] = await system.query(
    `SELECT count(*)::int AS done FROM runs WHERE id = ANY($1::uuid[]) AND status = 'DRY_RUN_DONE'`,
    [runIds],
  );
  if (done !== runIds.length)
    throw new Error(`${runIds.length - done} of ${runIds.length} dry runs were not carried out`);
  await system.query('TRUNCATE runs, ops_events CASCADE');
}
