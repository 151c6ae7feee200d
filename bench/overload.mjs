import { setTimeout as delay } from 'node:timers/promises';
import { load } from './lib/load.mjs';
import { median } from './lib/statistics.mjs';
import { atMost, rounded } from './lib/results.mjs';
import { HEADERS, TOKEN, withSystem } from './lib/system.mjs';

const CONNECTIONS = 20;
/** For what happens between the look at a limit and the end of a load. */
const MARGIN_S = 10;
/** A refusal may cost at most this share of the processor time that an accepted start costs, its database's time not counted. */
const SHARE_LIMIT = 0.5;
/** QUEUE_FULL is known only after the request was read and judged; what it saves is the database's and the queue's work. */
const QUEUE_FULL_SHARE_LIMIT = 1;
const JSON_TYPE = { 'content-type': 'application/json' };
const MEBIBYTE = 'x'.repeat(1024 * 1024);

/** What refusing costs the api, beside what accepting costs it. Each api gets the settings under which it refuses. */
export function run(context) {
  return withSystem(context, async (system) => {
    const { signal, quick, tell } = context;
    const rounds = quick ? 1 : 5;
    const seconds = quick ? 0.5 : 1.5;
    const cases = await casesOn(system);
    const measured = cases.map((one) => ({ ...one, perRequest: [], perSecond: [], p99: [] }));
    for (let round = 0; round < rounds; round += 1) {
      tell(`round ${round + 1} of ${rounds}`);
      for (const one of measured) {
        await system.query('TRUNCATE runs CASCADE');
        await system.forgetJobs();
        if (one.fill !== undefined) await fill(system, one.fill);
        if (one.limited) await exhaust(one, seconds);
        const cpuBefore = await cpuSeconds(one.api);
        const wish = { connections: CONNECTIONS, seconds, warmUpSeconds: 0, ...one.wish };
        const { perSecond, p99 } = await load(signal, wish);
        const cpu = (await cpuSeconds(one.api)) - cpuBefore;
        one.perRequest.push((cpu / (perSecond * seconds)) * 1e6);
        one.perSecond.push(perSecond);
        one.p99.push(p99);
      }
    }
    return report(measured);
  });
}

async function casesOn(system) {
  const [open, limited, full] = [
    await system.start('api'),
    await system.start('api', { HTTP_RATE_LIMIT_PER_MIN: '1', HTTP_RATE_LIMIT_ANONYMOUS_PER_MIN: '1' }),
    await system.start('api', { QUEUE_MAX_WAITING: '10000' }),
  ];
  const start = (api, expect, more = {}) => ({
    api,
    wish: {
      url: `${api.url}/api/execution/start`,
      method: 'POST',
      headers: HEADERS,
      body: JSON.stringify({ dryRun: true }),
      expect,
      ...more,
    },
  });
  const stranger = { headers: { ...JSON_TYPE, authorization: `Bearer not-${TOKEN}` } };
  return [
    { what: 'accepted (202)', ...start(open, '202') },
    { what: '429, by token', ...start(limited, '429'), limited: true },
    { what: '429, by address', ...start(limited, '429', stranger), limited: true },
    { what: '401, no token', ...start(open, '401', { headers: JSON_TYPE }) },
    { what: '403, wrong token', ...start(open, '403', stranger) },
    { what: '413, told by its length', ...start(open, '413', { body: MEBIBYTE.slice(0, 70_000) }) },
    { what: '503 QUEUE_FULL, 10,000 waiting', ...start(full, '503'), fill: 10_000, limit: QUEUE_FULL_SHARE_LIMIT },
  ];
}

/** Uses up the caller's limit of one request a minute, so that it stays used up while it is measured. */
async function exhaust({ wish: { url, headers } }, seconds) {
  for (;;) {
    const answer = await fetch(url, { method: 'POST', headers });
    await answer.arrayBuffer();
    const retryAfter = Number(answer.headers.get('retry-after'));
    if (answer.status === 429 && retryAfter > seconds + MARGIN_S) return;
    await delay(answer.status === 429 ? retryAfter * 1_000 : 0);
  }
}

async function fill(system, count) {
  await system.query(
    `INSERT INTO runs (id, status, mode, dry_run, max_position, pipeline, strategy, input)
     SELECT gen_random_uuid(), 'QUEUED', 'mock', true, 1, 'calibration', 'waiting', '{}' FROM generate_series(1, $1)`,
    [count],
  );
}

/** Processor time that the api has used so far. */
async function cpuSeconds(api) {
  for (;;) {
    const page = await (await fetch(`${api.url}/metrics`)).text();
    const values = [...page.matchAll(/^interlock_process_cpu_seconds_total\{mode="\w+"\} (\S+)$/gm)];
    const sum = values.reduce((total, [, value]) => total + Number(value), 0);
    // A reading holds for a second; wait for one that is not from before.
    const readAt = /last_read_timestamp_seconds\{source="process"\} (\S+)/.exec(page)?.[1];
    if (Date.now() / 1_000 - Number(readAt) < 0.05) return sum;
    await delay(50);
  }
}

function report(measured) {
  const accepted = median(measured[0].perRequest);
  const share = (one) => median(one.perRequest) / accepted;
  return {
    tables: [
      {
        title: `What a request costs the api, with ${CONNECTIONS} connections (medians)`,
        columns: ['answer', 'processor µs', 'of accepted', 'per second', 'p99 ms'],
        rows: measured.map((one) => [
          one.what,
          rounded(median(one.perRequest)),
          `${Math.round(share(one) * 100)} %`,
          rounded(median(one.perSecond)),
          rounded(median(one.p99)),
        ]),
      },
    ],
    goals: measured
      .slice(1)
      .map((one) => atMost(`${one.what}, as a share of an accepted start`, share(one), one.limit ?? SHARE_LIMIT)),
    notes: [
      "Processor time is the api process's alone: an accepted start costs the database and the queue much more on top, a refusal by rate " +
        'limit or token nothing, and QUEUE_FULL one short transaction for up to 64 starts together.',
    ],
  };
}
