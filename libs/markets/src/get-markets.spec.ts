import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { deflateSync, gzipSync } from 'node:zlib';
import { readSettings } from '@interlock/config';
import { eventually } from '../../../test/support/eventually.js';
import { answerJson, answerWith, MarketsService } from '../../../test/support/markets-service.js';
import { GetMarketsHandler } from './get-markets.js';
import { LARGEST_UPSTREAM_BYTES, UpstreamMarkets, type UpstreamResult } from './upstream-markets.js';

const SECRET = 'secret-5f2c';

let service: MarketsService;
beforeEach(async () => {
  service = await MarketsService.start();
});
afterEach(() => service.close());

function upstream(environment: Record<string, string> = {}) {
  return new UpstreamMarkets(
    readSettings({ MARKETS_SOURCE_BASE_URL: service.url, MARKETS_SOURCE_TIMEOUT_MS: '2000', ...environment }),
  );
}

function handler(environment: Record<string, string> = {}) {
  const settings = { MARKETS_SOURCE_BASE_URL: service.url, MARKETS_SOURCE_TIMEOUT_MS: '2000', ...environment };
  return new GetMarketsHandler(upstream(settings), readSettings(settings));
}

function codeOf(result: UpstreamResult): string {
  return result.kind === 'failed' ? result.error.code : 'none';
}

/** The failure, which holds nothing of the address and leaves no connection behind. */
async function failureOf(environment: Record<string, string> = {}): Promise<string> {
  const result = await upstream(environment).fetch();
  expect(JSON.stringify(result)).not.toMatch(new RegExp(`${SECRET}|${service.port}|127\\.0\\.0\\.1`));
  await eventually('no connection is held', () => service.connections === 0);
  expect(service.mostConnections).toBeLessThanOrEqual(1);
  return codeOf(result);
}

describe('the upstream service', () => {
  it('is asked at base address and path, and for JSON', async () => {
    service.answer = answerJson({ items: [{ market_id: 'm', trust_score: 0.5 }, {}], total: 2 });
    const base = { MARKETS_SOURCE_BASE_URL: `${service.url}/v1/`, MARKETS_SOURCE_PATH: '/all?limit=500' };
    expect(await upstream(base).fetch()).toMatchObject({ kind: 'markets', items: [{ id: 'm' }], skipped: 1 });
    expect(service.requests).toMatchObject([
      { method: 'GET', url: '/v1/all?limit=500', headers: { accept: 'application/json', 'user-agent': 'interlock' } },
    ]);
    expect(service.requests[0]?.headers).not.toHaveProperty('authorization');
  });

  it('gets user and password as HTTP Basic', async () => {
    const base = `http://desk:${SECRET}%40%3A@127.0.0.1:${service.port}`;
    expect((await upstream({ MARKETS_SOURCE_BASE_URL: base }).fetch()).kind).toBe('markets');
    const sent = service.requests[0]?.headers.authorization ?? '';
    expect(Buffer.from(sent.replace('Basic ', ''), 'base64').toString()).toBe(`desk:${SECRET}@:`);
    service.answer = (response) => response.socket?.destroy();
    expect(await failureOf({ MARKETS_SOURCE_BASE_URL: base })).toBe('UPSTREAM_FETCH_ERROR');
  });

  it.each(['gzip', 'GZIP', 'deflate', 'identity'])('may answer in %s', async (encoding) => {
    const encode: Record<string, (body: string) => Buffer> = { gzip: gzipSync, deflate: deflateSync };
    const body = JSON.stringify({ items: [{ market_id: 'm' }] });
    service.answer = answerWith(200, encode[encoding.toLowerCase()]?.(body) ?? body, { 'content-encoding': encoding });
    expect(await upstream().fetch()).toMatchObject({ kind: 'markets', items: [{ id: 'm' }] });
  });

  it('may answer with up to 8 MiB, a byte order mark included', async () => {
    const body = '\uFEFF{"items":[{"market_id":"m"}]}';
    service.answer = answerWith(200, body.padEnd(LARGEST_UPSTREAM_BYTES - 2));
    expect(await upstream({ MARKETS_SOURCE_TIMEOUT_MS: '10000' }).fetch()).toMatchObject({ items: [{ id: 'm' }] });
  });

  it.each([300, 301, 302, 307, 400, 404, 429, 500, 503])(
    'may fail with status %i; none is followed',
    async (status) => {
      const elsewhere = await MarketsService.start();
      service.answer = answerWith(status, '{"items":[]}', { location: elsewhere.url });
      expect(await failureOf()).toBe(`UPSTREAM_HTTP_${status}`);
      expect([service.requests.length, elsewhere.requests.length]).toEqual([1, 0]);
      await elsewhere.close();
    },
  );

  it.each<[string, string | Buffer, Record<string, string>]>([
    ['garbage', 'garbage', {}],
    ['HTML', '<!doctype html><p>Sign in</p>', { 'content-type': 'text/html' }],
    ['nothing', '', {}],
    ['JSON cut short', '{"items":[{"market_id":"m"}', {}],
    ['bytes that are not UTF-8', Buffer.from('{"items":[{"market_id":"\xe9"}]}', 'latin1'), {}],
    ['gzip that is none', '{"items":[]}', { 'content-encoding': 'gzip' }],
    ['gzip cut short', gzipSync('{"items":[{"market_id":"m"}]}').subarray(0, 20), { 'content-encoding': 'gzip' }],
    ['an unknown compression', '{"items":[]}', { 'content-encoding': 'zstd' }],
    ['a list', '[{"market_id":"m"}]', {}],
    ['items that are no list', '{"items":{"0":{"market_id":"m"}}}', {}],
    ['null', 'null', {}],
    ['one byte too much', '{"items":[]}'.padEnd(LARGEST_UPSTREAM_BYTES + 1), {}],
    ['gzip that swells to 64 MiB', gzipSync(Buffer.alloc(64 * 1024 * 1024, ' ')), { 'content-encoding': 'gzip' }],
  ])('may send %s', async (_, body, headers) => {
    service.answer = answerWith(200, body, headers);
    expect(await failureOf({ MARKETS_SOURCE_TIMEOUT_MS: '10000' })).toBe('UPSTREAM_INVALID_BODY');
  });

  it('is not read beyond 8 MiB, however much it sends', async () => {
    let sent = 0;
    const chunk = Buffer.alloc(65_536, ' ');
    service.answer = (response) => {
      const more = () => {
        while (!response.destroyed && response.write(chunk)) sent += chunk.length;
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    };
    expect(await failureOf({ MARKETS_SOURCE_TIMEOUT_MS: '10000' })).toBe('UPSTREAM_INVALID_BODY');
    expect(sent).toBeLessThan(4 * LARGEST_UPSTREAM_BYTES);
  });

  it.each<[string, MarketsService['answer']]>([
    ['hangs', () => undefined],
    ['hangs after its headers', (response) => response.writeHead(200).flushHeaders()],
    [
      'hangs after an error’s headers',
      (response) => response.writeHead(200, { 'content-length': '9' }).write('{"item'),
    ],
    [
      'sends byte by byte without an end',
      (response) => {
        const drip = setInterval(() => response.write(' '), 10);
        response.on('close', () => clearInterval(drip));
      },
    ],
  ])('is given up when it %s', async (_, answer) => {
    service.answer = answer;
    const startedAt = performance.now();
    expect(await failureOf({ MARKETS_SOURCE_TIMEOUT_MS: '200' })).toBe('UPSTREAM_TIMEOUT');
    expect(performance.now() - startedAt).toBeLessThan(1_500);
  });

  it('is not waited for when its error has no end', async () => {
    service.answer = (response) => response.writeHead(500).write('so');
    expect(await failureOf({ MARKETS_SOURCE_TIMEOUT_MS: '10000' })).toBe('UPSTREAM_HTTP_500');
  });

  it.each<[string, MarketsService['answer']]>([
    ['before its answer', (response) => response.socket?.destroy()],
    ['in its body', (response) => response.writeHead(200).write('{"items":[', () => response.socket?.destroy())],
    [
      'before the announced end',
      (response) =>
        response.writeHead(200, { 'content-length': '50' }).write('{"items":[]}', () => response.socket?.end()),
    ],
  ])('may break off %s', async (_, answer) => {
    service.answer = answer;
    expect(await failureOf()).toBe('UPSTREAM_FETCH_ERROR');
  });

  it('may refuse connections', async () => {
    const { port } = service;
    await service.close();
    expect(await upstream({ MARKETS_SOURCE_BASE_URL: `http://127.0.0.1:${port}` }).fetch()).toEqual({
      kind: 'failed',
      error: {
        code: 'UPSTREAM_FETCH_ERROR',
        message: 'The connection to the markets service failed (ECONNREFUSED).',
      },
    });
  });

  it('may speak something else than HTTP', async () => {
    const gibberish = createServer((socket) => socket.on('error', () => undefined).end('gibberish\r\n\r\n'));
    await once(gibberish.listen(0, '127.0.0.1'), 'listening');
    const { port } = gibberish.address() as AddressInfo;
    expect(await failureOf({ MARKETS_SOURCE_BASE_URL: `http://127.0.0.1:${port}` })).toBe('UPSTREAM_FETCH_ERROR');
    gibberish.close();
  });

  it('is given up at once when the process ends', async () => {
    service.answer = () => undefined;
    const asked = upstream({ MARKETS_SOURCE_TIMEOUT_MS: '60000' });
    const result = asked.fetch();
    await eventually('it was asked', () => service.requests.length === 1);
    asked.onModuleDestroy();
    expect((await result).kind).toBe('failed');
  });
});

describe('GetMarkets', () => {
  it('asks once for 200 who want to know at the same time', async () => {
    service.answer = (response) => setTimeout(() => answerJson({ items: [{ market_id: 'm' }] })(response), 50);
    const asked = handler();
    const results = await Promise.all(Array.from({ length: 200 }, () => asked.execute()));
    expect(new Set(results).size).toBe(1);
    expect(results[0]).toMatchObject({ kind: 'markets', items: [{ id: 'm' }] });
    expect([service.requests.length, service.mostConnections]).toEqual([1, 1]);
  });

  it('keeps an answer for the set time, then asks again', async () => {
    const asked = handler({ MARKETS_CACHE_MS: '300' });
    const first = await asked.execute();
    const heldSince = performance.now();
    expect(await asked.execute()).toBe(first);
    service.answer = answerWith(503, 'down');
    await eventually('it is asked again', async () => codeOf(await asked.execute()) === 'UPSTREAM_HTTP_503');
    expect(performance.now() - heldSince).toBeGreaterThan(150);
    service.answer = answerJson({ items: [] });
    await eventually('it is asked again', async () => (await asked.execute()).kind === 'markets');
    expect(service.requests.length).toBe(3);
  });

  it.each<[string, MarketsService['answer']]>([
    ['hangs', () => undefined],
    ['closes the connection', (response) => response.socket?.destroy()],
    ['fails', answerWith(500, 'no')],
  ])('does not hammer a service that %s', async (_, answer) => {
    service.answer = answer;
    const asked = handler({ MARKETS_CACHE_MS: '100', MARKETS_SOURCE_TIMEOUT_MS: '50' });
    const startedAt = performance.now();
    while (performance.now() - startedAt < 1_000) {
      const results = await Promise.all(Array.from({ length: 50 }, () => asked.execute()));
      expect(results.every(({ kind }) => kind === 'failed')).toBe(true);
      await new Promise(setImmediate);
    }
    expect(service.requests.length).toBeGreaterThan(2);
    expect(service.requests.length).toBeLessThanOrEqual(11);
    expect(service.mostConnections).toBe(1);
  });
});
