import { eventually } from '../support/eventually.js';
import { AUTHORIZED, startTestApi, type Answer, type TestApi } from '../support/test-api.js';

const START = '/api/execution/start';
const STOP = '/api/execution/stop';

const apis: TestApi[] = [];
async function apiWith(environment: Record<string, string>): Promise<TestApi> {
  const api = await startTestApi(environment);
  apis.push(api);
  return api;
}
afterAll(() => Promise.all(apis.map((api) => api.close())));

function expectRateLimited(answer: Answer, by: string, limit: number): void {
  expect([answer.status, answer.body]).toMatchObject([
    429,
    { ok: false, code: 'RATE_LIMITED', details: { by, limit, windowSeconds: 60 } },
  ]);
  const retryAfter = answer.headers.get('retry-after') ?? '';
  expect(retryAfter).toMatch(/^\d+$/);
  expect(Number(retryAfter)).toBeGreaterThanOrEqual(1);
  expect(Number(retryAfter)).toBeLessThanOrEqual(60);
  expect(answer.headers.get('x-request-id')).toBe(answer.body['requestId']);
}

async function times(count: number, call: () => Promise<Answer>): Promise<number[]> {
  const statuses: number[] = [];
  for (let n = 0; n < count; n++) statuses.push((await call()).status);
  return statuses;
}

describe('the limit of a token', () => {
  it('is exact under concurrency, before the body and the database, and leaves probes and the kill switch alone', async () => {
    const api = await apiWith({ HTTP_RATE_LIMIT_PER_MIN: '10', HTTP_RATE_LIMIT_ANONYMOUS_PER_MIN: '3' });
    const answers = await Promise.all(Array.from({ length: 40 }, () => api.post(START, {})));
    expect([202, 429].map((wanted) => answers.filter(({ status }) => status === wanted).length)).toEqual([10, 30]);

    expectRateLimited(await api.post(START, '{'), 'token', 10);
    expectRateLimited(await api.post(START, 'x'.repeat(100_000)), 'token', 10);
    expectRateLimited(await api.get('/api/nothing'), 'token', 10);
    expectRateLimited(await api.get('/api/markets'), 'token', 10); // public, but with the token
    await api.relay.become('frozen');
    expectRateLimited(await api.post(START, {}), 'token', 10);
    await api.relay.become('cut');
    await api.relay.become('open');

    for (const path of ['/api/health/live', '/api/docs', '/api/openapi.json', '/metrics']) {
      expect([path, ...(await times(15, () => api.get(path)))]).toEqual([path, ...Array<number>(15).fill(200)]);
    }
    await eventually('the database is back', async () => (await api.call('/api/health')).status === 200);
    for (const enabled of [true, false, true]) {
      expect((await api.post(STOP, { enabled })).status).toBe(200);
    }
    expect((await times(30, () => api.post(STOP, {}))).every((status) => status === 409)).toBe(true);
    // Others go on: the address without a token has a limit of its own.
    expect(await times(4, () => api.call(STOP))).toEqual([200, 200, 200, 429]);

    const page = (await api.call('/metrics')).body['text'] as string;
    expect(page).toContain('interlock_http_rate_limited_total{by="switch"} 0\n');
    expect(page).toContain('interlock_http_rate_limited_total{by="address"} 1\n');
    expect(page).toMatch(/interlock_http_rate_limited_total\{by="token"\} 3[45]\n/);
  });

  it('does not exist at 0', async () => {
    const api = await apiWith({ HTTP_RATE_LIMIT_PER_MIN: '0', HTTP_RATE_LIMIT_ANONYMOUS_PER_MIN: '0' });
    const statuses = await times(700, () => api.call('/api/nothing'));
    expect(new Set(statuses)).toEqual(new Set([404]));
  });
});

describe('the limit of an address', () => {
  it('counts wrong tokens, none, and unknown paths together, and holds nobody with a valid one', async () => {
    const api = await apiWith({ HTTP_RATE_LIMIT_ANONYMOUS_PER_MIN: '5' });
    const wrong = { headers: { authorization: 'Bearer a-guess-of-a-token' } };
    expect((await api.call('/api/runs', wrong)).status).toBe(403);
    expect((await api.call(STOP, { ...wrong, method: 'POST' })).status).toBe(403);
    expect((await api.call('/api/runs')).status).toBe(401);
    expect((await api.call('/api/nothing')).status).toBe(404);
    expect((await api.call(STOP)).status).toBe(200);
    for (const init of [{}, wrong, { ...wrong, method: 'POST' }])
      expectRateLimited(await api.call(STOP, init), 'address', 5);
    expectRateLimited(await api.call('/api/runs', { method: 'OPTIONS' }), 'address', 5);

    expect((await api.get('/api/runs')).status).toBe(200);
    expect((await api.post(STOP, {})).status).toBe(200);
  });

  it('is not that of a forged header, unless a trusted proxy sends it', async () => {
    const as = (forwarded: string) => ({ headers: { 'x-forwarded-for': forwarded } });
    const open = await apiWith({ HTTP_RATE_LIMIT_ANONYMOUS_PER_MIN: '2' });
    expect(
      [
        await open.call(STOP, as('1.1.1.1')),
        await open.call(STOP, as('2.2.2.2')),
        await open.call(STOP, as('3.3.3.3')),
      ].map(({ status }) => status),
    ).toEqual([200, 200, 429]);

    const behind = await apiWith({ HTTP_RATE_LIMIT_ANONYMOUS_PER_MIN: '2', TRUST_PROXY: '127.0.0.1, ::1' });
    for (const caller of ['1.1.1.1', '2.2.2.2', '2001:db8::1'])
      expect(await times(3, () => behind.call(STOP, as(`9.9.9.9, ${caller}`)))).toEqual([200, 200, 429]);
    expect((await behind.call(STOP, as('2001:db8::2'))).status).toBe(429); // of the same /64
    expect((await behind.call(STOP, { headers: { ...AUTHORIZED, ...as('1.1.1.1').headers } })).status).toBe(200);
  });
});
