import { readFileSync } from 'node:fs';
import { CommandBus } from '@nestjs/cqrs';
import { ToggleKillSwitch } from '@interlock/kill-switch';
import { newId } from '@interlock/persistence';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Client } from 'pg';
import { createApi } from '../../apps/api/create-api.js';
import { createWorker } from '../../apps/worker/create-worker.js';
import { eventually } from '../support/eventually.js';
import { testSettings } from '../support/settings.js';
import { AUTHORIZED, startTestApi, type TestApi } from '../support/test-api.js';

let api: TestApi;
let worker: NestExpressApplication;

beforeAll(async () => {
  api = await startTestApi({ RUN_START_LIMIT_PER_MIN: '100' });
  worker = await createWorker(testSettings(api.database.url));
  await worker.listen(0, '127.0.0.1');
});
afterAll(async () => {
  await worker.close();
  await api.close();
});

async function scrape(url = api.url): Promise<string> {
  const response = await fetch(`${url}/metrics`);
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
  ]);
  return response.text();
}
const scrapeWorker = async () => scrape(await worker.getUrl());

const put = (path: string, body: unknown) =>
  api.call(path, {
    method: 'PUT',
    headers: { ...AUTHORIZED, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

/** A series' value; undefined when there is no such series. */
function valueOf(page: string, series: string): number | undefined {
  const line = page.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

/** Scrapes until the series has the value: readings hold for a second. */
async function becomes(series: string, value: number, from = scrape): Promise<void> {
  await eventually(`${series} is ${value}`, async () => valueOf(await from(), series) === value);
}

function seriesOf(page: string): string[] {
  return page
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.slice(0, line.lastIndexOf(' ')));
}

describe('metrics', () => {
  it('exist as zeros before anything has happened, in an application of their own', async () => {
    const fresh = await createApi(testSettings(api.database.url));
    await fresh.listen(0, '127.0.0.1');
    try {
      const page = await scrape(await fresh.getUrl());
      const zeros = [
        'interlock_http_requests_total{method="POST",route="/api/execution/start",status="5xx"}',
        'interlock_http_requests_total{method="GET",route="/api/docs/:file",status="2xx"}',
        'interlock_http_request_duration_seconds_count{method="GET",route="/api/runs/:id"}',
        'interlock_starts_total{outcome="accepted"}',
        'interlock_starts_total{outcome="outcome-unknown"}',
        'interlock_starts_total{outcome="queue-full"}',
        'interlock_http_rate_limited_total{by="token"}',
        'interlock_http_rate_limited_total{by="switch"}',
        'interlock_http_overloaded_total{kind="public"}',
        'interlock_http_requests_present{kind="token",state="waiting"}',
        'interlock_http_connections_closed_total{reason="unread"}',
        'interlock_refusals_total{rule="dailyLoss",at="claim"}',
        'interlock_runs_ended_total{status="EXPIRED"}',
        'interlock_runs_running{mode="live"}',
        'interlock_kill_switch_on{scope="global",level="halt"}',
        'interlock_kill_switch_on{scope="strategy:*",level="reduce"}',
        'interlock_queue_jobs{queue="execution_start",state="delayed"}',
        'interlock_alert_delivery_oldest_pending_seconds',
        'interlock_scrape_failures_total{source="risk"}',
        'interlock_database_pool_waiting{pool="reserved"}',
        'interlock_order_admissions_total{venue="paper",outcome="admitted"}',
        'interlock_order_refusals_total{rule="selfMatch"}',
        'interlock_orders_sent_total{venue="paper",outcome="unknown"}',
        'interlock_orders_unknown_oldest_age_seconds{venue="paper"}',
        'interlock_kill_switch_working_orders{scope="venue:*"}',
        'interlock_orders_admitted_while_halted',
      ];
      expect(zeros.map((series) => [series, valueOf(page, series)])).toEqual(zeros.map((series) => [series, 0]));
      // The queue is that of the suite's worker as well, which may be about to take a job.
      expect(valueOf(page, 'interlock_queue_oldest_waiting_seconds{queue="alert_delivery"}')).toBeLessThan(10);
      expect(valueOf(page, 'interlock_database_pool_limit{pool="main"}')).toBe(10);
      expect(valueOf(page, 'interlock_process_memory_bytes{kind="resident"}')).toBeGreaterThan(1e7);
      expect(valueOf(page, 'interlock_event_loop_lag_seconds{statistic="p99"}')).toBeLessThan(10);
      expect(valueOf(page, 'interlock_build_info{version="0.1.0"}')).toBe(1);
    } finally {
      await fresh.close();
    }
    const page = await scrapeWorker();
    expect(valueOf(page, 'interlock_jobs_finished_total{queue="alert_delivery",outcome="dead"}')).toBe(0);
    expect(valueOf(page, 'interlock_worker_slots{queue="execution_start"}')).toBe(4);
  });

  it('are all read while everything is well, and an idle pool has nobody waiting', async () => {
    for (const from of [scrape, scrapeWorker]) {
      await eventually('every source was read', async () => {
        const page = await from();
        const readAt = seriesOf(page).filter((series) =>
          series.startsWith('interlock_scrape_last_read_timestamp_seconds'),
        );
        expect(readAt.length).toBeGreaterThan(9);
        return readAt.every((series) => (valueOf(page, series) ?? 0) > 0);
      });
    }
    await becomes('interlock_database_pool_waiting{pool="main"}', 0);
    await becomes('interlock_database_pool_waiting{pool="main"}', 0, scrapeWorker);
  });

  it('follow a run from its start to its end', async () => {
    const before = await scrape();
    expect((await api.post('/api/execution/start', {})).status).toBe(202);
    expect((await api.post('/api/execution/start', { maxPosition: 1e9 })).status).toBe(409);
    const grown = (page: string, series: string) => (valueOf(page, series) ?? 0) - (valueOf(before, series) ?? 0);
    const page = await scrape();
    const requests = 'interlock_http_requests_total{method="POST",route="/api/execution/start",status=';
    expect([grown(page, `${requests}"2xx"}`), grown(page, `${requests}"4xx"}`)]).toEqual([1, 1]);
    const durations = 'interlock_http_request_duration_seconds_count{method="POST",route="/api/execution/start"}';
    expect(grown(page, durations)).toBe(2);
    expect(grown(page, 'interlock_starts_total{outcome="accepted"}')).toBe(1);
    expect(grown(page, 'interlock_starts_total{outcome="refused"}')).toBe(1);
    expect(grown(page, 'interlock_refusals_total{rule="position",at="start"}')).toBe(1);

    await becomes('interlock_runs_ended_total{status="DRY_RUN_DONE"}', 1, scrapeWorker);
    await becomes('interlock_jobs_finished_total{queue="execution_start",outcome="ended"}', 1, scrapeWorker);
    const done = await scrapeWorker();
    expect(valueOf(done, 'interlock_jobs_claimed_total{queue="execution_start"}')).toBe(1);
    expect(valueOf(done, 'interlock_job_duration_seconds_count{queue="execution_start"}')).toBe(1);
    expect(valueOf(done, 'interlock_worker_slots_busy{queue="execution_start"}')).toBe(0);
  });

  it('follow an order from the gate to its fills, and see it under a halt', async () => {
    const rules = { outcomes: ['YES'], rules: 'free', tick: '0.01', minQuantity: 1, status: 'OPEN' };
    await put('/api/paper/markets/metered', { ...rules, books: { YES: { bids: [], asks: [['0.5', 10]] } } });
    const buy = (order: object) =>
      api.post('/api/orders', { market: 'metered', outcome: 'YES', side: 'BUY', quantity: 10, ...order });
    await becomes('interlock_venue_open{venue="paper"}', 1);
    const statuses = [await buy({ price: '0.5' }), await buy({ price: '0.4' }), await buy({ price: '0.405' })];
    expect(statuses.map(({ status }) => status)).toEqual([201, 201, 409]);
    expect((await buy({ venue: 'nowhere', price: '0.5' })).status).toBe(400);

    await becomes('interlock_orders_sent_total{venue="paper",outcome="accepted"}', 2, scrapeWorker);
    await becomes('interlock_fills_booked_total{venue="paper"}', 1, scrapeWorker);
    await becomes('interlock_orders_working{venue="paper",status="OPEN"}', 1);
    const page = await scrape();
    const seen = [
      'interlock_order_admissions_total{venue="paper",outcome="admitted"}',
      'interlock_order_admissions_total{venue="paper",outcome="refused"}',
      'interlock_order_admissions_total{venue="none",outcome="invalid"}',
      'interlock_order_admission_duration_seconds_count{venue="paper"}',
      'interlock_order_refusals_total{rule="tick"}',
    ];
    expect(seen.map((series) => valueOf(page, series))).toEqual([2, 1, 1, 3, 1]);
    expect(valueOf(page, 'interlock_market_data_last_update_timestamp_seconds{venue="paper"}')).toBeGreaterThan(1.7e9);

    // As seen when nobody cancels what works: a row alone, without the sweep of a stop.
    const client = new Client({ connectionString: api.database.url });
    await client.connect();
    try {
      await client.query(
        `INSERT INTO orders (id, strategy, mode, venue, market, outcome, side, type, price, quantity, time_in_force, status)
         SELECT gen_random_uuid(), 'metered', 'live', 'elsewhere', 'm', 'YES', 'BUY', 'limit', 0.5, 1, 'GTC', status
         FROM unnest('{OPEN,CANCELED}'::text[]) AS status`,
      );
      await client.query(
        `INSERT INTO kill_switches (scope, enabled, level, version, updated_at, updated_by)
         VALUES ('strategy:metered', true, 'halt', 1, now(), 'ada')`,
      );
      await becomes('interlock_kill_switch_working_orders{scope="strategy:*"}', 1);
      await client.query(
        `INSERT INTO orders (id, strategy, mode, venue, market, outcome, side, type, price, quantity, time_in_force, status)
         VALUES ($1, 'metered', 'live', 'elsewhere', 'm', 'YES', 'BUY', 'limit', 0.5, 1, 'GTC', 'ADMITTED')`,
        [newId()],
      );
      await becomes('interlock_orders_admitted_while_halted', 1, scrapeWorker);
      await client.query(
        `DELETE FROM orders WHERE strategy = 'metered'; DELETE FROM kill_switches WHERE scope = 'strategy:metered'`,
      );
    } finally {
      await client.end();
    }
  });

  it('show headroom as a share of the limit', async () => {
    await becomes('interlock_risk_headroom_ratio{rule="position",scope="mode:live"}', 1);
    await becomes('interlock_risk_headroom_ratio{rule="startRate",scope="mode:mock"}', 0.99);
    expect(valueOf(await scrapeWorker(), 'interlock_risk_headroom_ratio{rule="dailyLoss",scope="mode:paper"}')).toBe(1);
    const limit = (value: string | null) => put('/api/risk/limits', { limits: [openOrders(value)], reason: 'a test' });
    const openOrders = (value: string | null) => ({ rule: 'openOrders', scope: 'strategy:nearest', limit: value });
    await limit('1');
    const ratio = 'interlock_risk_headroom_ratio{rule="openOrders",scope="strategy:*"}';
    await becomes(ratio, 1);
    const order = { market: 'headroom', outcome: 'YES', side: 'BUY', price: '0.1', quantity: '1', strategy: 'nearest' };
    await put('/api/paper/markets/headroom', {
      outcomes: ['YES'],
      rules: 'free',
      tick: '0.01',
      minQuantity: '1',
      status: 'OPEN',
      books: {},
    });
    expect((await api.post('/api/orders', order)).status).toBe(201);
    await becomes(ratio, 0); // in its mode; in the others it is untouched
    await limit(null);
    await eventually(
      'a limit that was taken away is not told',
      async () => valueOf(await scrape(), ratio) === undefined,
    );
  });

  it('show the kill switches, those of strategies and venues together', async () => {
    const toggle = (scope: 'global' | `strategy:${string}`, enabled: boolean) =>
      api.app
        .get(CommandBus, { strict: false })
        .execute(new ToggleKillSwitch({ scope, enabled, level: 'halt' }, { name: 'ada', role: 'admin' }));
    await toggle('global', true);
    await toggle('strategy:one', true);
    await toggle('strategy:two', true);
    await becomes('interlock_kill_switch_on{scope="global",level="halt"}', 1);
    await becomes('interlock_kill_switches_on{scope="strategy:*",level="halt"}', 2, scrapeWorker);
    expect(valueOf(await scrape(), 'interlock_kill_switch_on{scope="strategy:*",level="halt"}')).toBe(1);
    for (const scope of ['global', 'strategy:one', 'strategy:two'] as const) await toggle(scope, false);
    await becomes('interlock_kill_switch_on{scope="strategy:*",level="halt"}', 0);
  });

  it('tell of what waits, and for how long', async () => {
    const other = await startTestApi(); // no worker takes anything there
    try {
      await other.post('/api/execution/start', { mode: 'paper' });
      const here = () => scrape(other.url);
      await becomes('interlock_queue_jobs{queue="execution_start",state="waiting"}', 1, here);
      await becomes('interlock_runs_queued{mode="paper"}', 1, here);
      const age = async () => valueOf(await here(), 'interlock_queue_oldest_waiting_seconds{queue="execution_start"}');
      const old = await eventually('the age grows', async () => ((await age()) ?? 0) > 1 && age());
      expect(old).toBeLessThan(60);
    } finally {
      await other.close();
    }
  });

  it('do not grow with what callers make up', async () => {
    const paths = (n: number) => [`/api/made-up-${n}`, `/api/runs/018f0000-0000-7000-8000-00000000000${n}`, `/%zz${n}`];
    const visit = async (n: number) => {
      for (const path of paths(n)) await api.get(path);
      await api.call('/api/health', { method: `MADEUP${n}` });
      await api.post('/api/execution/start', { strategy: `made-up-${n}`, maxPosition: 1e9 });
      await api.post('/api/execution/stop', { scope: `venue:made-up-${n}` });
    };
    await visit(0);
    const before = seriesOf(await scrape());
    for (let n = 1; n < 8; n++) await visit(n);
    const after = await scrape();
    expect(seriesOf(after)).toEqual(before);
    expect(after).not.toMatch(/made-up|MADEUP|018f0000/);
    expect(valueOf(after, 'interlock_http_requests_total{method="GET",route="unknown",status="4xx"}')).toBeGreaterThan(
      7,
    );
  });

  it.each(['cut', 'frozen'] as const)('are told as they were last known when the database is %s', async (state) => {
    const other = await startTestApi();
    try {
      await other.post('/api/execution/start', {});
      await becomes('interlock_runs_queued{mode="mock"}', 1, () => scrape(other.url));
      await other.relay.become(state);
      const failures = async () => {
        const begun = performance.now();
        const page = await scrape(other.url);
        expect(performance.now() - begun).toBeLessThan(2_000);
        expect(valueOf(page, 'interlock_runs_queued{mode="mock"}')).toBe(1);
        expect(valueOf(page, 'interlock_scrape_failures_total{source="database_pool"}')).toBe(0);
        return ['risk', 'runs', 'alerts', 'kill_switch', 'queue_execution_start'].every(
          (source) => (valueOf(page, `interlock_scrape_failures_total{source="${source}"}`) ?? 0) > 0,
        );
      };
      await eventually('every reading fails', failures);
      await other.relay.become('cut'); // what a frozen relay has swallowed does not come back
      await other.relay.become('open');
      const readAt = async () =>
        valueOf(await scrape(other.url), 'interlock_scrape_last_read_timestamp_seconds{source="risk"}') ?? 0;
      const since = await readAt();
      await eventually('it is read again', async () => (await readAt()) > since);
    } finally {
      await other.relay.become('open');
      await other.close();
    }
  });
});

describe('METRICS_TOKEN', () => {
  const token = 'token-of-the-scraper';
  const header = (value: string) => ({ headers: { authorization: value } });

  it('is what a scrape must carry, on the api and on the worker', async () => {
    const settings = testSettings(api.database.url, { METRICS_TOKEN: token });
    const apps = [await createApi(settings), await createWorker(settings)];
    try {
      for (const app of apps) {
        await app.listen(0, '127.0.0.1');
        const url = `${await app.getUrl()}/metrics`;
        const statuses = [
          await fetch(url),
          await fetch(url, header(`Basic ${token}`)),
          await fetch(url, header('Bearer another-token-of-a-scraper')),
          await fetch(url, header(`bearer ${token}`)),
        ].map(({ status }) => status);
        expect(statuses).toEqual([401, 401, 403, 200]);
      }
    } finally {
      for (const app of apps) await app.close();
    }
  });

  it('is not the token of anybody else', async () => {
    const response = await api.call('/metrics', header('Bearer whatever'));
    expect(response.status).toBe(200); // without METRICS_TOKEN nothing is asked
    expect((await api.call('/metrics?x=1')).status).toBe(400);
    expect((await api.call('/metrics', { method: 'POST' })).status).toBe(405);
  });
});

describe('the runbook', () => {
  it('K2 halts without the api', async () => {
    const other = await startTestApi();
    const client = new Client({ connectionString: other.database.url });
    try {
      const statements = /psql "\$DATABASE_URL" -c "(\n[^"]*pg_advisory_xact_lock[^"]*)"/.exec(
        readFileSync('docs/runbook.md', 'utf8'),
      )?.[1];
      await client.connect();
      for (const version of [1, 2]) {
        await client.query(statements ?? '');
        const answer = await other.post('/api/execution/start', {});
        expect([answer.status, answer.body]).toMatchObject([
          409,
          { code: 'KILL_SWITCH_ON', killSwitch: { scope: 'global', level: 'halt', version } },
        ]);
      }
    } finally {
      await client.end();
      await other.close();
    }
  });
});

describe('the alerts', () => {
  const rules = readFileSync('ops/prometheus/rules.yml', 'utf8');
  const alerts = rules.split(/^ +- alert: /m).slice(1);

  it('are about metrics that there are', async () => {
    const names = new Set(seriesOf((await scrape()) + (await scrapeWorker())).map((series) => series.split('{')[0]));
    const used = new Set(rules.match(/\binterlock_\w+/g));
    expect([...used].filter((name) => !names.has(name))).toEqual([]);
    expect(used.size).toBeGreaterThan(5);
  });

  it('have a severity, and a section in the runbook with what it means, what to check and what to do', () => {
    const runbook = readFileSync('docs/runbook.md', 'utf8');
    const tests = readFileSync('ops/prometheus/rules.test.yml', 'utf8');
    for (const alert of alerts) {
      const name = /^\w+/.exec(alert)?.[0] ?? '';
      expect(alert).toMatch(/severity: (page|ticket)\n/);
      expect(alert).toContain(`runbook_url: docs/runbook.md#${name.toLowerCase()}\n`);
      const section = runbook.split(`\n## ${name}\n`)[1]?.split('\n## ')[0] ?? '';
      for (const part of ['**Meaning.**', '**Check.**', '**Act.**', '```'])
        expect([name, section]).toEqual([name, expect.stringContaining(part)]);
      expect(tests).toContain(`alertname: ${name}\n`);
    }
    expect(alerts.length).toBeGreaterThan(5);
  });
});
