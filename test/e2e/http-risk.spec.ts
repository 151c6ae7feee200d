import { AUTHORIZED, startTestApi, type TestApi } from '../support/test-api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ RISK_MAX_DAILY_LOSS: '100' });
});
afterAll(() => api.close());

const JSON_BODY = { ...AUTHORIZED, 'content-type': 'application/json' };
const put = (body: unknown) =>
  api.call('/api/risk/limits', { method: 'PUT', headers: JSON_BODY, body: JSON.stringify(body) });
const set = (rule: string, scope: string, limit: unknown) =>
  put({ limits: [{ rule, scope, limit }], reason: 'tonight' });

interface Item {
  rule: string;
  scope: string;
  current: unknown;
  limit: unknown;
  headroom: unknown;
}
const items = async (): Promise<Item[]> => (await api.get('/api/risk')).body.items as Item[];

describe('PUT /api/risk/limits', () => {
  it('acts on the next start, is told by GET and as an event, and has a version', async () => {
    const start = () => api.post('/api/execution/start', { maxPosition: 50 });
    expect(await start()).toMatchObject({ status: 202 });
    const before = (await api.get('/api/risk')).body['version'] as number;
    const answer = await set('position', 'mode:mock', '49.50');
    expect(answer).toMatchObject({
      status: 200,
      body: { ok: true, version: before + 1, limits: [{ rule: 'position', scope: 'mode:mock', limit: '49.5' }] },
    });
    expect(await start()).toMatchObject({
      status: 409,
      body: {
        code: 'MAX_POSITION_EXCEEDED',
        details: { rule: 'position', scope: 'mode:mock', current: '50', limit: '49.5' },
      },
    });
    expect(await items()).toContainEqual({
      rule: 'position',
      scope: 'mode:mock',
      current: '0',
      limit: '49.5',
      headroom: '49.5',
    });
    const [event] = (await api.get('/api/events?event=limit_changed')).body.items as object[];
    expect(event).toMatchObject({
      severity: 'warning',
      actor: 'admin',
      reason: 'tonight',
      details: { limits: [{ rule: 'position', scope: 'mode:mock', limit: '49.5', before: null }] },
    });

    expect(await set('position', 'mode:mock', null)).toMatchObject({ status: 200, body: { version: before + 2 } });
    expect(await start()).toMatchObject({ status: 202 });
  });

  it('is no change when all is so already', async () => {
    const { body } = await set('openOrders', 'market:will-it-rain', 7);
    expect(await set('openOrders', 'market:will-it-rain', '7.0')).toMatchObject({ body: { version: body['version'] } });
    // Counted in each mode, and told once, of the mode that is nearest to it.
    expect((await items()).filter(({ rule }) => rule === 'openOrders')).toEqual([
      { rule: 'openOrders', scope: 'market:will-it-rain', current: 0, limit: 7, headroom: 7 },
    ]);
  });

  it.each([
    [{ reason: 'x' }, 'limits'],
    [{ limits: [], reason: 'x' }, 'limits'],
    [{ limits: [{ rule: 'position', scope: 'global', limit: '1' }] }, 'reason'],
    [{ limits: [{ rule: 'position', scope: 'global', limit: '1' }], reason: '  ' }, 'reason'],
    [{ limits: [{ rule: 'size', scope: 'global', limit: '1' }], reason: 'x' }, 'limits.0.rule'],
    [{ limits: [{ rule: 'position', scope: 'mode:demo', limit: '1' }], reason: 'x' }, 'limits.0.scope'],
    [{ limits: [{ rule: 'dailyLoss', scope: 'market:m', limit: '1' }], reason: 'x' }, 'limits.0.scope'],
    [{ limits: [{ rule: 'position', scope: 'global', limit: '-1' }], reason: 'x' }, 'limits.0.limit'],
    [{ limits: [{ rule: 'position', scope: 'global', limit: '1000000000001' }], reason: 'x' }, 'limits.0.limit'],
    [{ limits: [{ rule: 'position', scope: 'global', limit: 0.000000001 }], reason: 'x' }, 'limits.0.limit'],
    [{ limits: [{ rule: 'position', scope: 'global' }], reason: 'x' }, 'limits.0.limit'],
    [{ limits: [{ rule: 'position', scope: 'global', limit: '1', more: 1 }], reason: 'x' }, 'limits.0.more'],
    [{ limits: [{ rule: 'orderRate', scope: 'global', limit: '1.5' }], reason: 'x' }, 'limits.0.limit'],
    [{ limits: [{ rule: 'priceCollar', scope: 'global', limit: '5' }], reason: 'x' }, 'limits.0.limit'],
    [{ limits: [7], reason: 'x' }, 'limits.0'],
  ])('%j is refused, naming %s, and changes nothing', async (body, field) => {
    const before = (await api.get('/api/risk')).body['version'];
    const { status, body: answer } = await put(body);
    expect([status, answer.code]).toEqual([400, 'VALIDATION_FAILED']);
    expect(Object.keys(answer.fieldErrors ?? {})).toContain(field);
    expect((await api.get('/api/risk')).body['version']).toBe(before);
  });

  it('sets all of a request or nothing', async () => {
    const limits = [
      { rule: 'orderRate', scope: 'global', limit: '7' },
      { rule: 'orderRate', scope: 'global', limit: '8' },
    ];
    expect(await put({ limits, reason: 'x' })).toMatchObject({ status: 400 });
    expect((await items()).find(({ rule }) => rule === 'orderRate')).toMatchObject({ limit: 30 });
  });

  it('outlives a start with other settings, where those set by nobody follow them', async () => {
    await set('orderRate', 'global', 12);
    const { startRiskGuards } = await import('../support/risk-guards-module.js');
    const other = await startRiskGuards(api.database.url, {
      RISK_MAX_DAILY_LOSS: '90',
      ORDER_RATE_LIMIT_PER_MIN: '99',
    });
    await other.close();
    const limitOf = async (name: string) => (await items()).find(({ rule }) => rule === name)?.limit;
    expect([await limitOf('dailyLoss'), await limitOf('orderRate')]).toEqual(['90', 12]);
  });
});
