import { Authenticator, type Role } from '@interlock/access';
import { TEST_TOKEN as TOKEN } from '../support/settings.js';
import { AUTHORIZED, startTestApi, type TestApi } from '../support/test-api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const START = '/api/execution/start';
const RUN = '/api/runs/019a0000-0000-7000-8000-000000000000';
const envelope = (code: string) => ({
  ok: false,
  code,
  message: expect.any(String) as unknown,
  requestId: expect.any(String) as unknown,
});

describe('paths and methods', () => {
  it.each([
    ['/', 'unknown'],
    ['/api', 'unknown'],
    ['/api/nothing', 'unknown'],
    ['/api/runs/', 'a trailing slash is another path'],
    ['//api/health', 'an empty segment'],
    ['/API/health', 'case counts'],
    ['/api/runs/%zz', 'malformed percent-encoding'],
    ['/api/runs/%ff', 'percent-encoding that is not UTF-8'],
    ['/%', 'malformed percent-encoding'],
    ['/api/docs/%2e%2e%2fpackage.json', 'outside the page'],
    ['/api/docs/no-such-file', 'no such file of the page'],
  ])('%s is 404 (%s)', async (path) => {
    const answer = await api.get(path);
    expect([answer.status, answer.body]).toEqual([404, envelope('NOT_FOUND')]);
  });

  it.each([
    ['GET', START, 'POST, OPTIONS'],
    ['DELETE', START, 'POST, OPTIONS'],
    ['POST', '/api/health', 'GET, HEAD, OPTIONS'],
    ['PUT', '/api/execution/stop', 'POST, GET, HEAD, OPTIONS'],
    ['PATCH', RUN, 'GET, HEAD, OPTIONS'],
    ['PROPFIND', '/api/docs', 'GET, HEAD, OPTIONS'],
  ])('%s %s is 405, before authentication', async (method, path, allow) => {
    const answer = await api.call(path, { method });
    expect([answer.status, answer.body]).toEqual([405, envelope('METHOD_NOT_ALLOWED')]);
    expect(answer.headers.get('allow')).toBe(allow);
  });

  it('answers OPTIONS with 204 and allow, an unknown path with 404', async () => {
    const answer = await api.call('/api/execution/stop', { method: 'OPTIONS' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([204, 'POST, GET, HEAD, OPTIONS']);
    expect((await api.call('/api/nothing', { method: 'OPTIONS' })).status).toBe(404);
  });

  it('answers HEAD as GET without the body', async () => {
    for (const path of ['/api/health', '/api/runs', '/api/docs', '/api/openapi.json']) {
      const [head, get] = await Promise.all([api.call(path, { method: 'HEAD', headers: AUTHORIZED }), api.get(path)]);
      expect([path, head.status, head.body]).toEqual([path, 200, { text: '' }]);
      expect(head.headers.get('content-type')).toBe(get.headers.get('content-type'));
    }
    expect((await api.call('/api/runs', { method: 'HEAD' })).status).toBe(401);
  });
});

describe('authentication', () => {
  it.each([
    [undefined, 401, 'UNAUTHENTICATED'],
    ['', 401, 'UNAUTHENTICATED'],
    [TOKEN, 401, 'UNAUTHENTICATED'],
    [`Basic ${TOKEN}`, 401, 'UNAUTHENTICATED'],
    ['Bearer', 401, 'UNAUTHENTICATED'],
    [`Bearer ${TOKEN} more`, 401, 'UNAUTHENTICATED'],
    ['Bearer wrong', 403, 'FORBIDDEN'],
    [`Bearer ${TOKEN}x`, 403, 'FORBIDDEN'],
    [`bearer ${TOKEN}`, 200, undefined],
    [`BEARER  ${TOKEN}`, 200, undefined],
  ])('authorization %j answers %i', async (authorization, status, code) => {
    const answer = await api.call('/api/runs', authorization === undefined ? {} : { headers: { authorization } });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  it('comes before the body: malformed, oversized, of another type', async () => {
    for (const body of ['{', 'x'.repeat(100_000)]) {
      const answer = await api.call(START, { method: 'POST', body });
      expect([answer.status, answer.body.code]).toEqual([401, 'UNAUTHENTICATED']);
    }
    expect((await api.post(START, '{', { authorization: 'Bearer wrong' })).status).toBe(403);
  });

  it('answers 503 while no token is configured, whatever is sent', async () => {
    const bare = await startTestApi({ ADMIN_API_TOKEN: '' });
    try {
      for (const init of [{}, { headers: AUTHORIZED }]) {
        const answer = await bare.call('/api/runs', init);
        expect([answer.status, answer.body]).toEqual([503, envelope('ADMIN_TOKEN_NOT_CONFIGURED')]);
      }
      expect((await bare.call('/api/execution/stop')).status).toBe(200);
    } finally {
      await bare.close();
    }
  });

  it('A1 K6 lets each role do what is its own, and no more', async () => {
    const other = await startTestApi();
    try {
      // The bootstrap token is an admin's; other roles have no tokens yet.
      const authenticator = other.app.get(Authenticator, { strict: false });
      const statusesAs = async (role: Role) => {
        authenticator.authenticate = () => ({ kind: 'known', actor: { name: role, role } });
        const answers = [await other.get('/api/runs'), await other.post(START)];
        for (const wish of [{}, { level: 'reduce' }, { enabled: false }]) {
          answers.push(await other.post('/api/execution/stop', { scope: 'mode:live', ...wish }));
        }
        return answers.map(({ status }) => status);
      };
      expect(await statusesAs('observer')).toEqual([200, 403, 403, 403, 403]);
      expect(await statusesAs('operator')).toEqual([200, 202, 200, 403, 403]);
      expect(await statusesAs('risk-officer')).toEqual([200, 202, 409, 200, 200]);
      expect(await statusesAs('admin')).toEqual([200, 202, 200, 200, 200]);
    } finally {
      await other.close();
    }
  });

  it('needs no token for what is public', async () => {
    for (const path of ['/api/health', '/api/health/live', '/api/health/ready', '/api/execution/stop', '/api/docs']) {
      expect([path, (await api.call(path)).status]).toEqual([path, 200]);
    }
  });
});

describe('request ids and headers', () => {
  it('echoes an id of 1 to 128 visible characters, in the header and in the envelope', async () => {
    for (const id of ['a', '~'.repeat(128)]) {
      const answer = await api.call('/api/nothing', { headers: { 'x-request-id': id } });
      expect([answer.headers.get('x-request-id'), answer.body['requestId']]).toEqual([id, id]);
    }
  });

  it('makes one when there is none or it cannot be used', async () => {
    for (const id of ['', 'two words', 'é', '~'.repeat(129)]) {
      const answer = await api.call('/api/health', { headers: { 'x-request-id': id } });
      expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it('tells nothing of the machinery and keeps answers out of caches', async () => {
    const { headers } = await api.get('/api/runs');
    expect(Object.fromEntries(headers)).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    for (const name of ['x-powered-by', 'etag', 'access-control-allow-origin']) expect(headers.has(name)).toBe(false);
  });

  it('lets only configured origins in', async () => {
    const open = await startTestApi({ CORS_ORIGINS: 'https://desk.example' });
    try {
      const preflight = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' };
      const [ours, other] = await Promise.all(
        ['https://desk.example', 'https://other.example'].map((origin) =>
          open.call(START, { method: 'OPTIONS', headers: { origin, ...preflight } }),
        ),
      );
      expect([ours?.status, ours?.headers.get('access-control-allow-origin')]).toEqual([204, 'https://desk.example']);
      expect(other?.headers.get('access-control-allow-origin')).not.toBe('https://other.example');
      const refused = await open.call('/api/runs', { headers: { origin: 'https://desk.example' } });
      expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([
        401,
        'https://desk.example',
      ]);
    } finally {
      await open.close();
    }
  });
});

describe('what is hardly HTTP', () => {
  const head = `host: x\r\nauthorization: Bearer ${TOKEN}\r\nconnection: close\r\n`;
  it.each([
    ['a malformed request line', 'HELLO\r\n\r\n', 400, 'VALIDATION_FAILED'],
    ['a malformed header', 'GET / HTTP/1.1\r\nhost x\r\n\r\n', 400, 'VALIDATION_FAILED'],
    ['no host', 'GET /api/health HTTP/1.1\r\nconnection: close\r\n\r\n', 400, 'VALIDATION_FAILED'],
    ['headers too large', `GET / HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 431, 'HEADERS_TOO_LARGE'],
    ['an address too long', `GET /${'y'.repeat(20_000)} HTTP/1.1\r\n\r\n`, 431, 'HEADERS_TOO_LARGE'],
    ['a proxy request', 'CONNECT other:443 HTTP/1.1\r\nhost: other\r\n\r\n', 405, 'METHOD_NOT_ALLOWED'],
    ['an unknown expectation', `GET /none HTTP/1.1\r\nexpect: tea\r\n${head}\r\n`, 404, 'NOT_FOUND'],
    ['OPTIONS *', `OPTIONS * HTTP/1.1\r\n${head}\r\n`, 404, 'NOT_FOUND'],
    [
      'a malformed chunk',
      `POST ${START} HTTP/1.1\r\n${head}content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n`,
      400,
      'VALIDATION_FAILED',
    ],
  ])('%s gets the envelope', async (_, bytes, status, code) => {
    const answer = await api.raw(bytes);
    expect(answer).toContain(`HTTP/1.1 ${status} `);
    expect(answer.toLowerCase()).toContain('x-request-id: ');
    expect(JSON.parse(answer.slice(answer.indexOf('{')))).toMatchObject({ ok: false, code });
  });

  it('refuses an oversized body with and without its length, and the connection goes on', async () => {
    const body = 'x'.repeat(65_537);
    const post = `POST ${START} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\ncontent-type: application/json\r\n`;
    for (const sent of [
      `${post}content-length: ${body.length}\r\n\r\n${body}`,
      `${post}transfer-encoding: chunked\r\n\r\n10001\r\n${body}\r\n0\r\n\r\n`,
    ]) {
      const answer = await api.raw(`${sent}GET /api/health/live HTTP/1.1\r\n${head}\r\n`);
      expect(answer).toContain('"code":"PAYLOAD_TOO_LARGE"');
      expect(answer).toContain('HTTP/1.1 200 OK');
    }
  });

  it('takes a body of exactly the limit', async () => {
    const answer = await api.post(START, `{"notes":1${' '.repeat(65_536 - 11)}}`);
    expect([answer.status, answer.body.code]).toEqual([400, 'VALIDATION_FAILED']);
  });

  it('cuts off whoever keeps sending what was refused', async () => {
    const post = `POST ${START} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n`;
    const startedAt = performance.now();
    expect(await api.raw(post)).toContain('"code":"UNAUTHENTICATED"');
    expect(performance.now() - startedAt).toBeLessThan(9_000);
  });

  it('survives a caller who leaves in the middle of a body', async () => {
    const leaving = new AbortController();
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode('{"mode":')),
      pull: () => leaving.abort(),
    });
    const headers = { ...AUTHORIZED, 'content-type': 'application/json' };
    const init = { method: 'POST', headers, body, duplex: 'half', signal: leaving.signal };
    await expect(fetch(`${api.url}${START}`, init as RequestInit)).rejects.toThrow('aborted');
    expect((await api.get('/api/health/live')).status).toBe(200);
  });
});
