import { Readiness } from '../../apps/api/health/readiness.js';
import { eventually } from '../support/eventually.js';
import { startWorker } from '../support/run-processes.js';
import { type AnswerBody, startTestApi, type TestApi } from '../support/test-api.js';

let api: TestApi;
const runIds: string[] = [];
beforeAll(async () => {
  api = await startTestApi();
  for (const body of [
    { strategy: 'a' },
    { strategy: 'a', mode: 'paper', notes: 'second' },
    { strategy: 'b', mode: 'live' },
    { strategy: 'b', dryRun: false },
  ]) {
    runIds.push((await api.post('/api/execution/start', body)).body.runId ?? '');
  }
});
afterAll(() => api.close());

type Items = { runId: string; id: string; event: string; severity: string }[];
const NO_RUN = '019a0000-0000-7000-8000-000000000000';
const idsOf = (body: AnswerBody) => (body.items as Items).map(({ runId }) => runId);

describe('lists', () => {
  it.each([
    ['limit=0', 'limit'],
    ['limit=201', 'limit'],
    ['limit=1.5', 'limit'],
    ['limit=-1', 'limit'],
    ['limit=', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['cursor=', 'cursor'],
    ['cursor=garbage', 'cursor'],
    ['cursor=AAAAAAAAAAAAAAAAAAAAAB', 'cursor'],
    [`cursor=${NO_RUN}`, 'cursor'],
    ['page=2', 'page'],
    ['__proto__=1', '__proto__'],
    ['constructor=1', 'constructor'],
    ['a%5Bb%5D=1', 'a[b]'],
  ])('refuse ?%s by name', async (query, field) => {
    for (const path of ['/api/runs', '/api/events']) {
      const { status, body } = await api.get(`${path}?${query}`);
      expect([status, body.code, Object.keys(body.fieldErrors ?? {})]).toEqual([400, 'VALIDATION_FAILED', [field]]);
    }
  });

  it.each([
    ['/api/runs?status=DONE', 'status'],
    ['/api/runs?status=', 'status'],
    ['/api/runs?status=QUEUED,', 'status'],
    ['/api/runs?status=Queued', 'status'],
    ['/api/runs?mode=all', 'mode'],
    ['/api/runs?strategy=A', 'strategy'],
    ['/api/runs?pipeline=%00', 'pipeline'],
    ['/api/runs?severity=info', 'severity'],
    ['/api/events?severity=error', 'severity'],
    ['/api/events?event=nothing', 'event'],
    ['/api/events?runId=1', 'runId'],
    ['/api/execution/stop?scope=global', 'scope'],
    [`/api/runs/${NO_RUN}?stages=1`, 'stages'],
  ])('%s is 400', async (path, field) => {
    const { status, body } = await api.get(path);
    expect([status, Object.keys(body.fieldErrors ?? {})]).toEqual([400, [field]]);
  });

  it('page through everything once, newest first', async () => {
    const seen: string[] = [];
    let cursor = '';
    for (let pages = 0; pages < 10; pages++) {
      const { body } = await api.get(`/api/runs?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`);
      seen.push(...idsOf(body));
      cursor = body.nextCursor ?? '';
      if (cursor === '') break;
    }
    expect(seen).toEqual(runIds.toReversed());
  });

  it.each([
    ['', [3, 2, 1, 0]],
    ['?strategy=a', [1, 0]],
    ['?strategy=b&mode=live', [2]],
    ['?mode=paper&status=queued', [1]],
    ['?status=QUEUED,running', [3, 2, 1, 0]],
    ['?status=completed,FAILED', []],
    ['?pipeline=calibration&limit=200', [3, 2, 1, 0]],
    ['?pipeline=python', []],
  ])('%s finds the runs %j', async (query, indexes) => {
    const { status, body } = await api.get(`/api/runs${query}`);
    expect([status, Object.keys(body)]).toEqual([200, ['ok', 'items', 'nextCursor']]);
    expect([body.nextCursor, idsOf(body)]).toEqual([null, indexes.map((index) => runIds[index])]);
  });
});

describe('runs', () => {
  it.each(['1', NO_RUN, `${NO_RUN}0`, 'a%00b', '%F0%9F%98%80', "'", 'a%2Fb'])('has none called %s', async (id) => {
    for (const path of [`/api/runs/${id}`, `/api/runs/${id}/report`]) {
      const answer = await api.get(path);
      expect([answer.status, answer.body.code]).toEqual([404, 'NOT_FOUND']);
    }
  });

  it('shows a run before its start, and no report yet', async () => {
    const { body } = await api.get(`/api/runs/${runIds[1]}`);
    expect(body).toEqual({
      ok: true,
      run: {
        runId: runIds[1],
        jobId: runIds[1],
        status: 'QUEUED',
        state: 'queued',
        attempt: 0,
        params: expect.objectContaining({ mode: 'paper', notes: 'second', strategy: 'a' }) as unknown,
        stages: [],
        createdAt: expect.stringMatching(/^\d{4}-.*Z$/) as unknown,
      },
    });
    const report = await api.get(`/api/runs/${runIds[1]}/report`);
    expect([report.status, report.body.code]).toEqual([409, 'RUN_NOT_FINISHED']);
  });

  it('shows a run and its report after its end, and that a dry run has none', async () => {
    const worker = await startWorker(api.database.url);
    try {
      await eventually(
        'all runs have ended',
        async () => idsOf((await api.get('/api/runs?status=completed')).body).length === 4,
      );
    } finally {
      await worker.close();
    }
    const { body } = await api.get(`/api/runs/${runIds[3]}`);
    expect(body['run']).toMatchObject({
      status: 'COMPLETED',
      state: 'completed',
      attempt: 1,
      finishedAt: expect.any(String),
    });
    const report = await api.get(`/api/runs/${runIds[3]?.toUpperCase()}/report`);
    expect([report.status, report.body]).toMatchObject([200, { ok: true, runId: runIds[3], report: { n: 42 } }]);
    expect((report.body['report'] as { brier: number }).brier).toBeCloseTo(0.032955, 6);
    const dry = await api.get(`/api/runs/${runIds[0]}/report`);
    expect([dry.status, dry.body.code]).toEqual([404, 'NOT_FOUND']);
  });
});

describe('events', () => {
  it('are listed newest first, filtered and paged', async () => {
    await api.post('/api/execution/stop', { scope: 'mode:live', reason: 'for the list' });
    await api.post('/api/execution/stop', { scope: 'mode:live', enabled: false });
    const critical = (await api.get('/api/events?severity=critical')).body.items as Items;
    expect(critical.map(({ event }) => event)).toEqual(['kill_switch_off', 'kill_switch_on']);
    const { body } = await api.get('/api/events?event=kill_switch_on');
    expect(body.items).toEqual([
      {
        id: expect.any(String),
        event: 'kill_switch_on',
        severity: 'critical',
        at: expect.stringMatching(/Z$/),
        source: 'kill-switch',
        reason: 'for the list',
        actor: 'admin',
        details: expect.objectContaining({ scope: 'mode:live', level: 'halt' }),
      },
    ]);
    const first = (await api.get('/api/events?limit=1')).body;
    const second = (await api.get(`/api/events?limit=1&cursor=${first.nextCursor}`)).body;
    expect([first, second].flatMap(({ items }) => (items as Items).map(({ id }) => id))).toEqual(
      critical.map(({ id }) => id),
    );
    expect((await api.get(`/api/events?runId=${runIds[3]}`)).body.items).toMatchObject([{ event: 'run_completed' }]);
  });
});

describe('health', () => {
  let lonely: TestApi;
  beforeAll(async () => {
    lonely = await startTestApi();
  });
  afterAll(() => lonely.close());

  const answers = async () => {
    const startedAt = performance.now();
    const all = await Promise.all(['', '/live', '/ready'].map((path) => lonely.call(`/api/health${path}`)));
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    return all.map(({ status, body }) => ({ status, body }));
  };

  it('names the service, its version and its parts', async () => {
    const part = { ok: true, latencyMs: expect.any(Number) as unknown };
    expect(await answers()).toEqual([
      {
        status: 200,
        body: {
          ok: true,
          service: 'interlock',
          version: expect.stringMatching(/^\d+\.\d+\.\d+/) as unknown,
          now: expect.stringMatching(/^\d{4}-.*Z$/) as unknown,
          db: part,
          queue: { ...part, backend: 'postgres' },
        },
      },
      { status: 200, body: { ok: true } },
      { status: 200, body: { ok: true, shuttingDown: false, db: part, queue: part } },
    ]);
  });

  it.each(['frozen', 'cut'] as const)(
    'answers within 2 s while the database is %s, and the rest is 503',
    async (state) => {
      const part = { ok: false, error: expect.any(String) as unknown };
      await lonely.relay.become(state);
      // What health found out a moment ago counts for that moment.
      await eventually('health notices', async () => (await lonely.call('/api/health')).status === 503);
      expect(await answers()).toMatchObject([
        { status: 503, body: { ok: false, db: part, queue: { ...part, backend: 'postgres' } } },
        { status: 200 },
        { status: 503, body: { ok: false, shuttingDown: false, db: part, queue: part } },
      ]);
      const gets = ['/api/runs', `/api/runs/${NO_RUN}`, '/api/events', '/api/execution/stop'].map((path) =>
        lonely.get(path),
      );
      const posts = ['/api/execution/start', '/api/execution/stop'].map((path) => lonely.post(path));
      for (const { status, body } of await Promise.all([...gets, ...posts])) {
        expect([status, body.code]).toEqual([503, 'DATABASE_UNAVAILABLE']);
        expect(JSON.stringify(body)).not.toMatch(/postgres:|127\.0\.0\.1|test_/);
      }
      await lonely.relay.become('cut');
      await lonely.relay.become('open');
      await eventually('the api is ready again', async () => (await lonely.call('/api/health/ready')).status === 200);
      expect((await lonely.get('/api/runs')).status).toBe(200);
    },
  );

  it('is not ready, and keeps no connection, once the process ends', async () => {
    lonely.app.get(Readiness).end();
    const answer = await lonely.call('/api/health/ready');
    expect([answer.status, answer.body['shuttingDown'], answer.headers.get('connection')]).toEqual([
      503,
      true,
      'close',
    ]);
    expect((await lonely.call('/api/health')).status).toBe(200);
  });
});
