import { AUTHORIZED, startTestApi, type TestApi } from '../support/test-api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ MAX_POSITION_LIMIT: '1000000' });
});
afterAll(() => api.close());

const START = '/api/execution/start';
const STOP = '/api/execution/stop';
const MODE = 'must be one of mock, paper, live';
const FLAG = 'must be true or false';
const AMOUNT = 'must be a number greater than 0 with at most 8 decimals';
const NAME = 'must be 1 to 64 of a-z, 0-9, dot, underscore and hyphen, beginning with a letter or digit';
const UNKNOWN = 'is not known here';
const SCOPE = 'must be global, mode:mock, mode:paper, mode:live, venue:<name> or strategy:<name>';
const UNSTORABLE = 'must not contain NUL or half a surrogate pair';
const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

describe('bodies', () => {
  it.each([
    ['text/plain', '{}', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['application/x-www-form-urlencoded', 'mode=mock', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['application/json; charset=latin1', '{}', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['', '{}', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['application/json', '{"mode":', 400, 'MALFORMED_JSON'],
    ['application/json', ' ', 400, 'MALFORMED_JSON'],
    ['application/json', Buffer.from([0x22, 0xff, 0x22]), 400, 'MALFORMED_JSON'],
    ['application/json', '[]', 400, 'VALIDATION_FAILED'],
    ['application/json', 'null', 400, 'VALIDATION_FAILED'],
    ['application/json', '"text"', 400, 'VALIDATION_FAILED'],
    ['application/json', '1', 400, 'VALIDATION_FAILED'],
    ['application/json', '['.repeat(65_000), 400, 'MALFORMED_JSON'],
  ])('%s: %.20s answers %i %s', async (type, body, status, code) => {
    for (const path of [START, STOP]) {
      const headers = { ...AUTHORIZED, 'content-type': type };
      const answer = await api.call(path, { method: 'POST', headers, body: new Uint8Array(Buffer.from(body)) });
      expect([answer.status, answer.body.code]).toEqual([status, code]);
      const fieldErrors = code === 'VALIDATION_FAILED' ? { body: ['must be a JSON object'] } : undefined;
      expect(answer.body.fieldErrors).toEqual(fieldErrors);
    }
  });

  it('refuses a compressed one', async () => {
    expect((await api.post(START, {}, { 'content-encoding': 'gzip' })).status).toBe(415);
  });

  it.each([
    ['{"mode":"Mock"}', { mode: [MODE] }],
    ['{"mode":null,"dryRun":null,"input":null}', { mode: [MODE], dryRun: [FLAG], input: ['must be a JSON object'] }],
    ['{"dryRun":"true"}', { dryRun: [FLAG] }],
    ['{"dryRun":1}', { dryRun: [FLAG] }],
    ['{"maxPosition":0}', { maxPosition: [AMOUNT] }],
    ['{"maxPosition":-1}', { maxPosition: [AMOUNT] }],
    ['{"maxPosition":"5"}', { maxPosition: [AMOUNT] }],
    ['{"maxPosition":1e400}', { maxPosition: ['must be a finite number'] }],
    ['{"maxPosition":0.123456789}', { maxPosition: [AMOUNT] }],
    ['{"maxPosition":1e-9}', { maxPosition: [AMOUNT] }],
    [`{"notes":"${'x'.repeat(1201)}"}`, { notes: ['must be a text of at most 1200 characters'] }],
    ['{"notes":"a\\u0000b"}', { notes: [UNSTORABLE] }],
    ['{"notes":"\\ud800"}', { notes: [UNSTORABLE] }],
    ['{"strategy":"A b"}', { strategy: [NAME] }],
    ['{"strategy":""}', { strategy: [NAME] }],
    ['{"pipeline":"no-such"}', { pipeline: ['must be one of calibration, orders, python'] }],
    ['{"input":[]}', { input: ['must be a JSON object'] }],
    ['{"input":{"dataset":"no-such"}}', { 'input.dataset': ['there is no dataset no-such'] }],
    ['{"input":{"note":{"a":["ok","\\u0000"]}}}', { 'input.note.a.1': [UNSTORABLE] }],
    ['{"input":{"\\u0000":1}}', { 'input.\0': [`its name ${UNSTORABLE}`] }],
    ['{"input":{"x":1e999}}', { 'input.x': ['must be a finite number'] }],
    ['{"input":{"__proto__":{"bins":5}}}', { 'input.__proto__': ['is not a name that can be used'] }],
    [`{"input":${nested(5_000)}}`, { [`input${'.a'.repeat(32)}`]: ['must not be nested deeper than 32 levels'] }],
    ['{"size":1,"dryrun":false}', { size: [UNKNOWN], dryrun: [UNKNOWN] }],
    [
      '{"constructor":1,"hasOwnProperty":1,"toString":1}',
      { constructor: [UNKNOWN], hasOwnProperty: [UNKNOWN], toString: [UNKNOWN] },
    ],
    ['{"__proto__":{"dryRun":false}}', Object.fromEntries([['__proto__', [UNKNOWN]]])],
  ])('names what is wrong with %.60s', async (body, fieldErrors) => {
    const answer = await api.post(START, body);
    expect([answer.status, answer.body.code]).toEqual([400, 'VALIDATION_FAILED']);
    expect(Object.entries(answer.body.fieldErrors ?? {})).toEqual(Object.entries(fieldErrors));
  });

  it('refuses a query parameter rather than ignoring it', async () => {
    expect((await api.post(`${START}?dryRun=false`)).body.fieldErrors).toEqual({ dryRun: [UNKNOWN] });
  });

  it('stores none of what was refused', async () => {
    expect((await api.get('/api/runs')).body.items).toEqual([]);
  });
});

describe('start', () => {
  const defaults = {
    mode: 'mock',
    dryRun: true,
    maxPosition: 1_000_000,
    pipeline: 'calibration',
    strategy: 'default',
    input: { dataset: 'sample', bins: 10 },
  };

  it.each([
    [undefined, {}],
    ['{}', {}],
    ['\ufeff{}', {}],
    [
      { mode: 'live', dryRun: false, maxPosition: 0.00000001 },
      { mode: 'live', dryRun: false, maxPosition: 1e-8 },
    ],
    [
      { notes: '', strategy: 'a.b_c-1', input: { bins: 5 } },
      { notes: '', strategy: 'a.b_c-1', input: { dataset: 'sample', bins: 5 } },
    ],
    [{ notes: '😀'.repeat(1200) }, { notes: '😀'.repeat(1200) }],
  ])('accepts %.40j with every default in place', async (body, params) => {
    const answer = await api.post(START, body);
    expect([answer.status, answer.body]).toEqual([
      202,
      {
        ok: true,
        runId: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/) as unknown,
        jobId: answer.body.runId,
        state: 'queued',
        queue: 'execution_start',
        params: { ...defaults, ...params },
      },
    ]);
    const { body: found } = await api.get(`/api/runs/${answer.body.runId}`);
    expect(found['run']).toMatchObject({ status: 'QUEUED', state: 'queued', params: { ...defaults, ...params } });
  });

  it('is refused above the limit, with the numbers', async () => {
    const answer = await api.post(START, { maxPosition: 1_000_000.5 });
    expect([answer.status, answer.body]).toEqual([
      409,
      {
        ok: false,
        code: 'MAX_POSITION_EXCEEDED',
        message: expect.any(String) as unknown,
        requestId: answer.headers.get('x-request-id'),
        details: expect.objectContaining({ current: '1000000.5', limit: '1000000' }) as unknown,
      },
    ]);
  });
});

describe('kill switch', () => {
  const off = {
    ok: true,
    killSwitch: {
      scope: 'global',
      enabled: false,
      level: null,
      reason: null,
      version: 0,
      updatedAt: null,
      updatedBy: null,
    },
    scopes: [],
  };

  it.each([
    ['{"enabled":"false"}', { enabled: [FLAG] }],
    ['{"enabled":null}', { enabled: [FLAG] }],
    ['{"level":"stop"}', { level: ['must be one of halt, reduce'] }],
    ['{"enabled":false,"level":"halt"}', { level: ['must be left out when enabled is false'] }],
    [`{"reason":"${'x'.repeat(501)}"}`, { reason: ['must be a text of at most 500 characters'] }],
    ['{"scope":""}', { scope: [SCOPE] }],
    ['{"scope":"Global"}', { scope: [SCOPE] }],
    ['{"scope":"mode:all"}', { scope: [SCOPE] }],
    ['{"scope":"venue:"}', { scope: [SCOPE] }],
    ['{"scope":"strategy:A"}', { scope: [SCOPE] }],
    ['{"scope":"strategy"}', { scope: [SCOPE] }],
    ['{"on":true}', { on: [UNKNOWN] }],
  ])('refuses %.50s and changes nothing', async (body, fieldErrors) => {
    const answer = await api.post(STOP, body);
    expect([answer.status, answer.body.fieldErrors]).toEqual([400, fieldErrors]);
    expect((await api.call(STOP)).body).toEqual(off);
  });

  it('K1 goes on, to reduce and off, refuses what is so already, and is named by the starts that it refuses', async () => {
    const switchOf = (fields: object) => ({
      scope: 'strategy:s1',
      updatedAt: expect.stringMatching(/^\d{4}-.*Z$/) as unknown,
      updatedBy: 'admin',
      ...fields,
    });
    const halted = switchOf({ enabled: true, level: 'halt', reason: 'a test', version: 1 });
    const effect = { runsAborted: 0, ordersCanceled: 0, ordersUnknown: 0 };
    const on = await api.post(STOP, { scope: 'strategy:s1', reason: 'a test' });
    expect([on.status, on.body]).toEqual([200, { ok: true, killSwitch: halted, effect }]);

    const again = await api.post(STOP, { scope: 'strategy:s1', reason: 'other' });
    expect([again.status, again.body]).toMatchObject([409, { code: 'KILL_SWITCH_UNCHANGED', killSwitch: halted }]);
    const start = await api.post(START, { strategy: 's1' });
    expect([start.status, start.body]).toMatchObject([409, { ok: false, code: 'KILL_SWITCH_ON', killSwitch: halted }]);
    expect((await api.post(START, { strategy: 's2' })).status).toBe(202);

    const reduced = await api.post(STOP, { scope: 'strategy:s1', level: 'reduce' });
    expect(reduced.body['killSwitch']).toEqual(switchOf({ enabled: true, level: 'reduce', reason: null, version: 2 }));
    expect((await api.post(START, { strategy: 's1' })).status).toBe(409);

    const ended = await api.post(STOP, { scope: 'strategy:s1', enabled: false });
    expect(ended.body['killSwitch']).toEqual(switchOf({ enabled: false, level: null, reason: null, version: 3 }));
    expect((await api.post(START, { strategy: 's1' })).status).toBe(202);
    expect((await api.post(STOP, { enabled: false })).status).toBe(409);
    expect((await api.call(STOP)).body).toEqual({ ...off, scopes: [ended.body['killSwitch']] });
  });

  it('an empty body halts everything', async () => {
    const answer = await api.post(STOP);
    expect(answer.body['killSwitch']).toMatchObject({ scope: 'global', enabled: true, level: 'halt', reason: null });
    expect((await api.call(STOP)).body['killSwitch']).toEqual(answer.body['killSwitch']);
    expect((await api.post(STOP, { enabled: false })).status).toBe(200);
  });
});
