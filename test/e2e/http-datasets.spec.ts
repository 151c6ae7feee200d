import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { eventually } from '../support/eventually.js';
import { type Answer, AUTHORIZED, startTestApi, type TestApi } from '../support/test-api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const HEADER = 'market_id,probability,outcome,category';
const CSV = { ...AUTHORIZED, 'content-type': 'text/csv' };
const put = (name: string, body: string | Buffer, headers: Record<string, string> = CSV): Promise<Answer> =>
  api.call(`/api/datasets/${name}`, {
    method: 'PUT',
    headers,
    body: typeof body === 'string' ? body : new Uint8Array(body),
  });
const remove = (name: string) => api.call(`/api/datasets/${name}`, { method: 'DELETE', headers: AUTHORIZED });
const file = (rows: number, category = 'any') =>
  [HEADER, ...Array.from({ length: rows }, (_, i) => `m-${i},0.5,${i % 2},${category}`), ''].join('\n');

interface Dataset {
  name: string;
  rows: number;
}
async function listed(): Promise<Dataset[]> {
  return (await api.get('/api/datasets?limit=200')).body.items as Dataset[];
}
async function rowsOf(name: string): Promise<number | undefined> {
  return (await listed()).find((dataset) => dataset.name === name)?.rows;
}

describe('PUT /api/datasets/:name', () => {
  it('answers 201 for a new name, 200 for one that it replaces', async () => {
    const content = file(3);
    expect(await put('mine', content, { ...CSV, 'content-type': 'Text/CSV; charset="UTF-8"' })).toMatchObject({
      status: 201,
      body: {
        ok: true,
        dataset: {
          name: 'mine',
          rows: 3,
          bytes: content.length,
          sha256: createHash('sha256').update(content).digest('hex'),
          ignoredColumns: [],
        },
      },
    });
    const { status, body } = await put('mine', `x,${HEADER},y\n1,a,0.25,1,,2\n`);
    expect(status).toBe(200);
    expect(body['dataset']).toMatchObject({ rows: 1, ignoredColumns: ['x', 'y'] });
    expect(Object.keys(body['dataset'] as object).toSorted()).toEqual(
      ['name', 'rows', 'bytes', 'sha256', 'importedAt', 'ignoredColumns'].toSorted(),
    );
  });

  it('names every fault by line and column and keeps the old data', async () => {
    await put('faulty', file(2));
    const { status, body } = await put('faulty', `${HEADER}\na,2,1,\na,0.5,1,\nb,0.5,maybe,\n`);
    expect([status, body.code]).toEqual([400, 'DATASET_INVALID']);
    expect(body['details']).toEqual({
      faultCount: 3,
      faults: [
        { line: 2, column: 'probability', message: 'must lie between 0 and 1' },
        { line: 3, column: 'market_id', message: 'occurs on line 2 already' },
        { line: 4, column: 'outcome', message: 'must be 0 or 1' },
      ],
    });
    expect(await rowsOf('faulty')).toBe(2);
  });

  it.each([
    ['application/json', undefined],
    ['text/plain', undefined],
    ['', undefined],
    ['text/csv; charset=utf-16', undefined],
    ['text/csv', 'gzip'],
  ])('answers 415 to type %j and encoding %s', async (type, encoding) => {
    const headers = {
      ...AUTHORIZED,
      'content-type': type,
      ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
    };
    expect(await put('typed', Buffer.from(file(1)), headers)).toMatchObject({
      status: 415,
      body: { code: 'UNSUPPORTED_MEDIA_TYPE' },
    });
  });

  it('checks path and method, then the caller, then the body', async () => {
    const large = { 'content-type': 'text/plain', 'content-length': String(300 * 1024 * 1024) };
    expect(await headersOnly('POST', '/api/datasets/mine', large)).toBe(405);
    expect(await headersOnly('PUT', '/api/datasets/mine', large)).toBe(401);
    expect(await headersOnly('PUT', '/api/datasets/mine', { ...large, authorization: 'Bearer wrong' })).toBe(403);
    expect(await headersOnly('PUT', '/api/datasets/mine', { ...large, ...AUTHORIZED })).toBe(415);
    expect(await headersOnly('PUT', '/api/datasets/mine', { ...large, ...CSV })).toBe(413);
  });

  it('takes no name that is none, and no query', async () => {
    expect(await put('Mine', file(1))).toMatchObject({
      status: 400,
      body: { fieldErrors: { name: [expect.any(String)] } },
    });
    expect(await put('mine?a=1', file(1))).toMatchObject({
      status: 400,
      body: { fieldErrors: { a: [expect.any(String)] } },
    });
  });

  it('keeps the old data when the caller vanishes midway', async () => {
    await put('cut', file(2));
    const request = httpRequest(`${api.url}/api/datasets/cut`, { method: 'PUT', headers: CSV });
    request.on('error', () => undefined);
    request.write(file(20_000));
    await eventually('rows arrive', async () => (await stagedRows()) > 0);
    request.destroy();
    await eventually('they are removed', async () => (await stagedRows()) === 0);
    expect(await rowsOf('cut')).toBe(2);
  });
});

const MANY = 100_000;

describe('many imports at once', () => {
  it('four are carried out, the others refused at once; all else is answered meanwhile', async () => {
    await put('crowd-4', file(2));
    const held = await Promise.all(['crowd-0', 'crowd-1', 'crowd-2', 'crowd-3'].map(beginImport));
    const refused = await Promise.all(Array.from({ length: 46 }, () => put('crowd-4', file(3))));
    expect(new Set(refused.map(({ status, body }) => `${status} ${body.code}`))).toEqual(new Set(['503 OVERLOADED']));
    expect(refused.every(({ headers }) => Number(headers.get('retry-after')) > 0)).toBe(true);
    expect(await rowsOf('crowd-4')).toBe(2);

    expect(await Promise.all(held.map((finish) => finish()))).toEqual([201, 201, 201, 201]);
    expect(await put('crowd-4', file(3))).toMatchObject({ status: 200 });
  });

  it('one whose sender has gone makes room', async () => {
    const held = await Promise.all(Array.from({ length: 4 }, (_, i) => beginImport(`gone-${i}`)));
    expect(await put('gone-4', file(1))).toMatchObject({ status: 503 });
    for (const finish of held) finish.leave();
    await eventually('there is room', async () => (await put('gone-4', file(1))).status !== 503);
    expect(await rowsOf('gone-0')).toBeUndefined();
  });
});

describe('K3 the kill switch', () => {
  afterEach(() => api.post('/api/execution/stop', { enabled: false }));

  it('ends an import that is under way, and keeps the old data', async () => {
    await put('halted', file(2));
    const answer = await answerOf('halted', async () => {
      expect(await api.post('/api/execution/stop', { scope: 'strategy:other' })).toMatchObject({ status: 200 });
      expect(await api.post('/api/execution/stop', { reason: 'silence' })).toMatchObject({ status: 200 });
    });
    expect(answer).toMatchObject({ status: 409, body: { code: 'KILL_SWITCH_ON', killSwitch: { reason: 'silence' } } });
    await eventually('what had arrived is removed', async () => (await stagedRows()) === 0);
    expect(await rowsOf('halted')).toBe(2);
    await api.post('/api/execution/stop', { scope: 'strategy:other', enabled: false });
  });

  it('lets one pass that is begun while all is halted', async () => {
    await api.post('/api/execution/stop');
    expect(await put('prepared', file(3))).toMatchObject({ status: 201 });
  });
});

/** Begins an import that never ends by itself; what is answered to it after `then`. */
async function answerOf(
  name: string,
  then: () => Promise<void>,
): Promise<{ status: number | undefined; body: unknown }> {
  const request = httpRequest(`${api.url}/api/datasets/${name}`, { method: 'PUT', headers: CSV });
  request.on('error', () => undefined);
  const answered = once(request, 'response') as Promise<[IncomingMessage]>;
  request.write(file(20_000));
  await eventually('rows arrive', async () => (await stagedRows()) > 0);
  await then();
  const [response] = await answered;
  const body: unknown = JSON.parse(await text(response));
  request.destroy();
  return { status: response.statusCode, body };
}

describe('hostile files', () => {
  const valid = Buffer.from(file(3));
  it.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['random bytes', randomBytes(300_000)],
    ['zeros', Buffer.alloc(3_000_000)],
    ['a zip archive', Buffer.concat([Buffer.from('PK\x03\x04\x14\0\0\0\b\0', 'latin1'), randomBytes(50_000)])],
    ['gzip', gzipSync(valid)],
    ['UTF-16', Buffer.from(`\ufeff${file(3)}`, 'utf16le')],
    ['one endless line', Buffer.from(`${HEADER}\n${'x'.repeat(3_000_000)}`)],
    ['a quote that never closes', Buffer.from(`${HEADER}\na,0.5,1,"${'x\n'.repeat(1_500_000)}`)],
    ['NUL in a text', Buffer.from(`${HEADER}\na,0.5,1,\0\n`)],
    ['nothing but line ends', Buffer.alloc(3_000_000, '\n')],
    ['nothing but commas', Buffer.alloc(3_000_000, ',')],
    ['nothing but quotes', Buffer.alloc(3_000_000, '"')],
  ])('%s is refused, as CSV and as NDJSON, and the old data stay', async (_, bytes) => {
    await put('hostile', file(2));
    for (const type of ['text/csv', 'application/x-ndjson']) {
      const { status, body } = await put('hostile', bytes, { ...AUTHORIZED, 'content-type': type });
      expect([status, body.code]).toEqual([400, 'DATASET_INVALID']);
      expect((body['details'] as { faults: unknown[] }).faults.length).toBeGreaterThan(0);
    }
    expect(await rowsOf('hostile')).toBe(2);
  });

  it('very many faults are counted, the first 20 told', async () => {
    await put('hostile', file(2));
    const lines = Array.from({ length: MANY }, (_, i) => (i % 2 === 0 ? `m-${i},2,1,` : 'twice,1,1,'));
    const { status, body } = await put('hostile', [HEADER, ...lines].join('\n'));
    const { faultCount, faults } = body['details'] as { faultCount: number; faults: { line: number }[] };
    expect([status, faultCount]).toEqual([400, MANY - 1]);
    expect(faults.map(({ line }) => line)).toEqual([2, 4, ...Array.from({ length: 18 }, (_, i) => i + 5)]);
    expect(await rowsOf('hostile')).toBe(2);
  });

  it('more than 256 MiB, of which no length was told, is 413', async () => {
    let sent = 0;
    const request = httpRequest(`${api.url}/api/datasets/large`, { method: 'PUT', headers: CSV });
    request.on('error', () => undefined);
    const answered = once(request, 'response') as Promise<[{ statusCode?: number }]>;
    const chunk = Buffer.alloc(1 << 20, 'x');
    for (; sent < 257; sent += 1) {
      if (!request.write(chunk)) await Promise.race([once(request, 'drain'), answered]);
    }
    const [{ statusCode }] = await answered;
    request.destroy();
    expect(statusCode).toBe(413);
  });
});

it('a database that is lost midway is 503, and the old data stay', async () => {
  await put('outage', file(2));
  const request = httpRequest(`${api.url}/api/datasets/outage`, { method: 'PUT', headers: CSV });
  request.on('error', () => undefined); // at the end, when the api closes
  request.write(file(20_000));
  await eventually('rows arrive', async () => (await stagedRows()) > 0);
  await api.relay.become('cut');
  request.end('last,0.5,1,any\n'.repeat(5_000));
  const [response] = (await once(request, 'response')) as [{ statusCode?: number }];
  expect(response.statusCode).toBe(503);
  await api.relay.become('open');
  await eventually('it is back', async () => (await api.get('/api/datasets')).status === 200);
  expect(await rowsOf('outage')).toBe(2);
});

describe('GET and DELETE /api/datasets', () => {
  it('list what there is, newest first, page by page', async () => {
    for (const name of ['list-a', 'list-b', 'list-c']) await put(name, file(1));
    await put('list-a', file(2));
    const names = (await listed()).map(({ name }) => name);
    expect(names.slice(0, 3)).toEqual(['list-a', 'list-c', 'list-b']);
    const paged: string[] = [];
    for (let cursor: string | null | undefined = ''; typeof cursor === 'string';) {
      const { body } = await api.get(`/api/datasets?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
      paged.push(...(body.items as Dataset[]).map(({ name }) => name));
      cursor = body.nextCursor;
    }
    expect(paged).toEqual(names);
  });

  it('delete one of them once', async () => {
    await put('short-lived', file(4));
    expect(await remove('short-lived')).toMatchObject({
      status: 200,
      body: { ok: true, dataset: { name: 'short-lived', rows: 4 } },
    });
    expect(await remove('short-lived')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    expect(await remove('Not-A-Name')).toMatchObject({ status: 404 });
    expect(await rowsOf('short-lived')).toBeUndefined();
    expect(await put('short-lived', file(1))).toMatchObject({ status: 201 });
  });
});

function query<T>(sql: string, parameters: unknown[] = []): Promise<T[]> {
  return api.app.get<DataSource>(getDataSourceToken()).query<T[]>(sql, parameters);
}

async function stagedRows(): Promise<number> {
  const [found] = await query<{ count: number }>(
    `SELECT count(*)::integer AS count FROM dataset_rows
     WHERE version_id IN (SELECT id FROM dataset_versions WHERE state IN ('staging', 'removing'))`,
  );
  return found?.count ?? NaN;
}

/** An import that is under way: its header has been sent, and its rows will be by what is returned, which resolves with the status. */
async function beginImport(name: string): Promise<(() => Promise<number | undefined>) & { leave: () => void }> {
  const request = httpRequest(`${api.url}/api/datasets/${name}`, { method: 'PUT', headers: CSV });
  request.on('error', () => undefined);
  request.write(`${HEADER}\n`);
  const staged = `SELECT FROM dataset_versions WHERE dataset = $1 AND state = 'staging'`;
  await eventually(`${name} is under way`, async () => (await query(staged, [name])).length === 1);
  const finish = async () => {
    request.end('m,0.5,1,any\n');
    const [response] = (await once(request, 'response')) as [{ statusCode?: number; resume: () => void }];
    response.resume();
    return response.statusCode;
  };
  return Object.assign(finish, { leave: () => request.destroy() });
}

/** Announces a body and never sends it; returns the status of the answer. */
async function headersOnly(method: string, path: string, headers: Record<string, string>): Promise<number | undefined> {
  const request = httpRequest(`${api.url}${path}`, { method, headers });
  request.flushHeaders();
  const [response] = (await once(request, 'response')) as [{ statusCode?: number }];
  request.on('error', () => undefined).destroy();
  return response.statusCode;
}
