import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { MetricsPage } from '@interlock/observability';
import { DatabaseHealth } from '@interlock/persistence';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { whileStarting } from '../../libs/persistence/src/boot/while-starting.js';
import { ApiDocument, type DocumentedOperation } from '../support/api-document.js';
import { eventually } from '../support/eventually.js';
import { MarketsService } from '../support/markets-service.js';
import { openPaperVenue } from '../support/open-venue.js';
import { startWorker } from '../support/run-processes.js';
import { type Answer, apiDocument, AUTHORIZED, startTestApi, type TestApi } from '../support/test-api.js';

const START = '/api/execution/start';
const STOP = '/api/execution/stop';
const SCRAPER = 'token-of-the-scraper';
const NO_RUN = '019a0000-0000-7000-8000-000000000000';
const CSV = 'market_id,probability,outcome\nrain-monday,0.7,1\nrain-tuesday,0.2,0\n';
const { operations } = apiDocument;
const guarded = operations.filter(({ isPublic }) => !isPublic);
const withBody = operations.filter(({ mediaTypes }) => mediaTypes.length > 0);

/**
 * Answers that cannot be provoked: what asks nobody cannot fail. Everything else that the document tells must have been seen.
 */
const NOT_PROVOKED = [
  ...['getLiveness', 'getDocsPage', 'getDocsFile', 'getOpenApiDocument'].map((id) => `${id} 500`),
  'importDataset 409', // by http-datasets.spec.ts, which holds its answers against the document as well
];

let api: TestApi;
let markets: MarketsService;
beforeAll(async () => {
  markets = await MarketsService.start();
  api = await startTestApi({ MARKETS_SOURCE_BASE_URL: markets.url, MARKETS_CACHE_MS: '100', METRICS_TOKEN: SCRAPER });
});
afterAll(async () => {
  await api.close();
  await markets.close();
});

/** A path of the operation; what it names does not exist. */
const pathOf = ({ path }: DocumentedOperation) => path.replace('{id}', NO_RUN).replaceAll(/\{\w+\}/g, 'none');

function ask(operation: DocumentedOperation, init: RequestInit & { query?: string } = {}, at = api): Promise<Answer> {
  const { query = '', headers = {}, ...rest } = init;
  const authorization = operation.operationId === 'getMetrics' ? { authorization: `Bearer ${SCRAPER}` } : AUTHORIZED;
  return at.call(`${pathOf(operation)}${query}`, {
    method: operation.method,
    headers: { ...authorization, ...(headers as Record<string, string>) },
    ...rest,
  });
}

const ORDER = { market: 'wind', outcome: 'YES', side: 'BUY', price: '0.42', quantity: '10', clientOrderId: 'tour-1' };

/** Of operations that need one; for the others an empty one will do. */
const BODIES: Readonly<Record<string, object>> = {
  putPaperMarket: { outcomes: ['YES', 'NO'], rules: 'free', tick: '0.01', minQuantity: '5', status: 'OPEN' },
  tradeByOthers: { outcome: 'YES', side: 'SELL', price: '0.4', quantity: '12' },
  setRiskLimits: { limits: [{ rule: 'openOrders', scope: 'global', limit: '50' }], reason: 'for the test' },
  placeOrder: ORDER,
  placeOrders: { orders: [ORDER] },
  settlePaperMarket: { payouts: { YES: '1', NO: '0' } },
  transferPaperCash: { amount: '25.5' },
  bookTransfer: { amount: '25.5', reason: 'for the test', idempotencyKey: 'tour-1' },
};

/** A body that the operation takes. */
function bodyOf({ operationId, mediaTypes: [type] }: DocumentedOperation): RequestInit {
  if (type === undefined) return {};
  return {
    headers: { 'content-type': type },
    body: type === 'text/csv' ? CSV : JSON.stringify(BODIES[operationId] ?? {}),
  };
}

/** The status of the answer to a request whose body, of so many bytes, never comes. */
async function unfinished(operation: DocumentedOperation, bytes: number): Promise<number> {
  const [type = ''] = operation.mediaTypes;
  const headers = { ...AUTHORIZED, 'content-type': type, 'content-length': bytes };
  const sent = request(`${api.url}${pathOf(operation)}`, { method: operation.method, headers });
  sent.on('error', () => undefined); // the connection ends before the body does
  sent.flushHeaders();
  const answered = new Promise<IncomingMessage>((resolve) => sent.once('response', resolve));
  const response = await answered;
  const seen = new Headers(response.headers as Record<string, string>);
  const status = response.statusCode ?? 0;
  apiDocument.check(operation.method, pathOf(operation), { status, headers: seen, text: await text(response) });
  sent.destroy();
  return status;
}

/** The status of the answer to a request whose headers never end. */
async function headless(operation: DocumentedOperation): Promise<number> {
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
  socket.write(`${operation.method} ${pathOf(operation)} HTTP/1.1\r\nhost: localhost\r\n`);
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  const headers = new Headers(lines.map((line) => line.split(': ', 2) as [string, string]));
  const status = Number(first.split(' ')[1]);
  apiDocument.check(operation.method, pathOf(operation), { status, headers, text: body });
  return status;
}

async function codesOf(
  asked: readonly DocumentedOperation[],
  how: (operation: DocumentedOperation) => Promise<Answer>,
) {
  const answers = await Promise.all(asked.map(how));
  return [...new Set(answers.map(({ status, body }) => `${status} ${body.code}`))];
}

describe('the document is held against real answers', () => {
  const headers = new Headers({ 'x-request-id': 'r', 'content-type': 'application/json; charset=utf-8' });
  const document = new ApiDocument();
  it.each([
    ['a field that it does not name', '/api/health/live', 200, { ok: true, more: 1 }, 'additional properties'],
    ['a field that is missing', '/api/health/live', 200, {}, "required property 'ok'"],
    ['a value of another kind', '/api/health/live', 200, { ok: 'yes' }, 'must be boolean'],
    ['a status that it does not tell', '/api/health/live', 418, { ok: true }, 'the status'],
    [
      "another code than the status's",
      '/api/runs',
      401,
      { ok: false, code: 'FORBIDDEN', message: 'm', requestId: 'r' },
      'equal to constant',
    ],
    ['an unknown path that is found', '/api/none', 200, { ok: true }, "required property 'code'"],
  ])('and notices %s', (_, path, status, body, message) => {
    expect(() => document.check('GET', path, { status, headers, text: JSON.stringify(body) })).toThrow(message);
  });

  it('and notices another type, and no request id', () => {
    const typed = new Headers({ 'x-request-id': 'r', 'content-type': 'text/html' });
    const answer = { status: 200, text: '{"ok":true}' };
    expect(() => document.check('GET', '/api/health/live', { ...answer, headers: typed })).toThrow('text/html');
    expect(() => document.check('GET', '/api/health/live', { ...answer, headers: new Headers() })).toThrow(
      'x-request-id',
    );
  });
});

describe('what every route refuses', () => {
  it('400: a parameter that is not known', async () => {
    expect(await codesOf(operations, (one) => ask(one, { query: '?none=1', ...bodyOf(one) }))).toEqual([
      '400 VALIDATION_FAILED',
    ]);
  });

  it('401 and 403: no token, or a wrong one', async () => {
    const protectedOnes = [...guarded, ...operations.filter(({ operationId }) => operationId === 'getMetrics')];
    for (const [authorization, code] of [
      ['', '401 UNAUTHENTICATED'],
      ['Bearer wrong', '403 FORBIDDEN'],
    ] as const) {
      expect(await codesOf(protectedOnes, (one) => ask(one, { headers: { authorization } }))).toEqual([code]);
    }
  });

  it('404: nothing of this name', async () => {
    const named = operations.filter(({ path }) => path.includes('{'));
    // What a PUT names need not exist; a name that cannot be read is that of nothing.
    const ask404 = (one: DocumentedOperation) =>
      one.method === 'PUT' ? api.call(pathOf(one).replace('none', '%zz'), { method: 'PUT' }) : ask(one, bodyOf(one));
    expect(await codesOf(named, ask404)).toEqual(['404 NOT_FOUND']);
  });

  it('405: another method', async () => {
    const answers = await Promise.all(operations.map((one) => api.call(pathOf(one), { method: 'PATCH' })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([405]));
    // The answer was noted under the first operation of the path; it is the same for the others.
    for (const { operationId } of operations) apiDocument.seen.add(`${operationId} 405`);
  });

  it('413 and 415: a body that is too large, or of another type', async () => {
    const json = withBody.filter(({ mediaTypes }) => mediaTypes.includes('application/json'));
    const large = { headers: { 'content-type': 'application/json' }, body: 'x'.repeat(70_000) };
    expect(await codesOf(json, (one) => ask(one, large))).toEqual(['413 PAYLOAD_TOO_LARGE']);
    const malformed = { headers: { 'content-type': 'application/json' }, body: '{' };
    expect(await codesOf(json, (one) => ask(one, malformed))).toEqual(['400 MALFORMED_JSON']);
    const odd = { headers: { 'content-type': 'text/odd' }, body: '{}' };
    expect(await codesOf(withBody, (one) => ask(one, odd))).toEqual(['415 UNSUPPORTED_MEDIA_TYPE']);
  });

  it('408, and 413 of an announced file: what does not arrive', async () => {
    const announced = [...withBody.map((one) => unfinished(one, 10)), ...operations.map(headless)];
    const files = withBody
      .filter(({ operationId }) => operationId === 'importDataset')
      .map((one) => unfinished(one, 2 ** 40));
    expect(new Set(await Promise.all(announced))).toEqual(new Set([408]));
    expect(await Promise.all(files)).toEqual([413]);
  }, 60_000);

  it('431: headers that are too large', async () => {
    const large = { headers: { 'x-large': 'x'.repeat(20_000) } };
    expect(await codesOf(operations, (one) => ask(one, large))).toEqual(['431 HEADERS_TOO_LARGE']);
  });

  it('429: too many requests', async () => {
    const limited = operations.filter(({ statuses }) => statuses.includes('429'));
    const strict = await startTestApi({ HTTP_RATE_LIMIT_ANONYMOUS_PER_MIN: '1' });
    try {
      await strict.call(STOP);
      const again = (one: DocumentedOperation) => strict.call(pathOf(one), { method: one.method });
      expect(await codesOf(limited, again)).toEqual(['429 RATE_LIMITED']);
    } finally {
      await strict.close();
    }
  });

  it('500: what nobody thought of', async () => {
    const broken = await startTestApi();
    const fail = () => Promise.reject(new Error('nobody thought of it'));
    const buses = [CommandBus, QueryBus].map(({ prototype }) => ({ prototype, execute: prototype.execute }));
    try {
      for (const { prototype } of buses) prototype.execute = fail;
      broken.app.get(DatabaseHealth, { strict: false }).check = fail;
      broken.app.get(MetricsPage, { strict: false }).answer = fail;
      const asked = operations.filter(({ operationId }) => !NOT_PROVOKED.includes(`${operationId} 500`));
      const knownRun = (one: DocumentedOperation) => ask(one, bodyOf(one), broken);
      expect(await codesOf(asked, knownRun)).toEqual(['500 INTERNAL_ERROR']);
    } finally {
      for (const { prototype, execute } of buses) prototype.execute = execute;
      await broken.close();
    }
  });
});

describe('503', () => {
  it('while no token is configured', async () => {
    const bare = await startTestApi({ ADMIN_API_TOKEN: '' });
    try {
      expect(await codesOf(guarded, (one) => ask(one, {}, bare))).toEqual(['503 ADMIN_TOKEN_NOT_CONFIGURED']);
    } finally {
      await bare.close();
    }
  });

  it('while the database is away', async () => {
    const lost = await startTestApi();
    try {
      await lost.relay.become('cut');
      const asked = operations.filter(
        ({ operationId, isPublic }) => !isPublic || /^get(Health|Readiness|KillSwitches)$/.test(operationId),
      );
      const statuses = await Promise.all(asked.map((one) => ask(one, bodyOf(one), lost)));
      expect(new Set(statuses.map(({ status }) => status))).toEqual(new Set([503]));
    } finally {
      await lost.relay.become('open');
      await lost.close();
    }
  });

  it('while the api waits for its database', async () => {
    const server = createServer(
      whileStarting({ service: 'interlock', path: '/api/health', queue: { backend: 'postgres' } }),
    );
    await once(server.listen(0, '127.0.0.1'), 'listening');
    try {
      for (const one of operations.filter(({ statuses }) => statuses.includes('503'))) {
        const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${pathOf(one)}`;
        const answer = await fetch(url, { method: one.method });
        apiDocument.check(one.method, url, {
          status: answer.status,
          headers: answer.headers,
          text: await answer.text(),
        });
        expect([one.operationId, answer.status]).toEqual([one.operationId, 503]);
      }
    } finally {
      server.close();
    }
  });
});

describe('what every route is for', () => {
  const get = async (path: string, init: RequestInit = { headers: AUTHORIZED }) => (await api.call(path, init)).status;

  it('health, metrics and docs', async () => {
    for (const path of ['/api/health', '/api/health/live', '/api/health/ready', '/api/openapi.json', '/api/docs']) {
      expect([path, await get(path)]).toEqual([path, 200]);
    }
    const files = ['swagger-ui.css', 'swagger-ui-bundle.js', 'swagger-ui-init.js', 'favicon-32x32.png'];
    for (const file of files) expect([file, await get(`/api/docs/${file}`)]).toEqual([file, 200]);
    expect(await get('/metrics', { headers: { authorization: `Bearer ${SCRAPER}` } })).toBe(200);
  });

  it('markets, from the service and without it', async () => {
    expect((await api.get('/api/markets')).body['source']).toBe('upstream');
    markets.answer = (response) => response.writeHead(500).end();
    const fallback = () => api.get('/api/markets').then(({ body }) => body['source'] === 'fallback');
    await eventually('the service is asked again', fallback);
  });

  it('datasets', async () => {
    const put = (body: string) =>
      api.call('/api/datasets/mine', { method: 'PUT', headers: { ...AUTHORIZED, 'content-type': 'text/csv' }, body });
    expect([(await put(CSV)).status, (await put(CSV)).status]).toEqual([201, 200]);
    expect((await put('market_id\n')).body.code).toBe('DATASET_INVALID');
    expect(await get('/api/datasets')).toBe(200);
    expect(await get('/api/datasets/mine', { method: 'DELETE', headers: AUTHORIZED })).toBe(200);
  });

  it('a run from its start to its report', async () => {
    const wish = { dryRun: false, pipeline: 'calibration', notes: 'first try', idempotencyKey: 'tour-1' };
    const { status, body } = await api.post(START, wish);
    expect([
      status,
      await get(`/api/runs/${body.runId}/report`),
      await get(`/api/runs/${body.runId}/report.svg`),
    ]).toEqual([202, 409, 409]);
    expect((await api.post(START, wish)).status).toBe(200);
    expect((await api.post(START, { ...wish, dryRun: true })).status).toBe(422);
    expect((await api.post(START, { maxPosition: 2_000_000 })).body.code).toBe('MAX_POSITION_EXCEEDED');
    const other = (await api.post(START)).body.runId;
    expect((await api.post(`/api/runs/${other}/cancel`)).status).toBe(200);
    expect((await api.post(`/api/runs/${other}/cancel`)).status).toBe(409);

    const worker = await startWorker(api.database.url);
    try {
      const isOver = async () => (await api.get(`/api/runs/${body.runId}/report`)).status === 200;
      await eventually('the run has ended', isOver, 30_000);
    } finally {
      await worker.close();
    }
    for (const path of ['', '/report.svg']) expect(await get(`/api/runs/${body.runId}${path}`)).toBe(200);
    const report = await api.get(`/api/runs/${body.runId}/report`);
    // Told as "this or any object", which anything would be: what a calibration's really is, is checked apart.
    apiDocument.checkSchema(JSON.stringify(report.body['report']), '#/components/schemas/CalibrationReportAnswer');
    const page = { headers: { ...AUTHORIZED, accept: 'text/html' } };
    expect(await get(`/api/runs/${body.runId}/report`, page)).toBe(200);
    expect(await get('/api/runs?status=completed,failed&limit=1')).toBe(200);
  });

  it('an order from its placing to its end, and what the books say', async () => {
    await openPaperVenue(api.database.url);
    const json = { ...AUTHORIZED, 'content-type': 'application/json' };
    const body = JSON.stringify(BODIES['putPaperMarket']);
    expect(await get('/api/paper/markets/wind', { method: 'PUT', headers: json, body })).toBe(200);

    const { status, body: placed } = await api.post('/api/orders', ORDER);
    const { orderId } = placed['order'] as { orderId: string };
    const others = [ORDER, { ...ORDER, quantity: 11 }, { ...ORDER, price: '0.425', clientOrderId: 'tour-2' }];
    const answers = await Promise.all(others.map((other) => api.post('/api/orders', other)));
    expect([status, ...answers.map((one) => one.status)]).toEqual([201, 200, 422, 409]);
    expect((await api.post('/api/orders/batch', { orders: [...others, {}] })).status).toBe(200);
    const cancel = { method: 'DELETE', headers: AUTHORIZED };
    expect(await get(`/api/orders/${orderId}`)).toBe(200);
    expect(await get(`/api/orders/${orderId}`, cancel)).toBe(202);
    expect(await get(`/api/orders/${orderId}`, cancel)).toBe(409);
    for (const path of ['orders', 'fills', 'positions', 'pnl']) {
      expect([path, await get(`/api/${path}`)]).toEqual([path, 200]);
    }
  });

  it('deposits, withdrawals and accounts', async () => {
    const transfers = '/api/accounts/paper/default/transfers';
    const deposit = BODIES['bookTransfer'];
    const bodies = [
      deposit,
      deposit,
      { ...deposit, amount: '-1' },
      { amount: '-1e9', reason: 'x', idempotencyKey: 'y' },
    ];
    const answers: (string | number)[] = [];
    for (const body of bodies) answers.push((await api.post(transfers, body)).status);
    expect(answers).toEqual([201, 200, 422, 400]);
    const { status, body } = await api.post(transfers, { ...deposit, amount: -1e9, idempotencyKey: 'tour-2' });
    expect([status, body.code]).toEqual([409, 'INSUFFICIENT_CASH']);
    for (const path of ['/api/accounts', transfers]) expect([path, await get(path)]).toEqual([path, 200]);
  });

  it('the kill switch, guards and events', async () => {
    expect((await api.post(STOP, { reason: 'odd fills' })).status).toBe(200);
    expect((await api.post(STOP, {})).body.code).toBe('KILL_SWITCH_UNCHANGED');
    expect((await api.post(START)).body.code).toBe('KILL_SWITCH_ON');
    const limits = { ...BODIES['setRiskLimits'] };
    const json = { ...AUTHORIZED, 'content-type': 'application/json' };
    expect(await get('/api/risk/limits', { method: 'PUT', headers: json, body: JSON.stringify(limits) })).toBe(200);
    expect([await get(STOP), await get('/api/risk'), await get('/api/events')]).toEqual([200, 200, 200]);
    const flatten = () => api.post('/api/execution/flatten', { scope: 'strategy:thin', collar: '0.05' });
    const { status, body } = await flatten();
    const { planId } = body['plan'] as { planId: string };
    expect([status, (await flatten()).status, await get(`/api/execution/flatten/${planId}`)]).toEqual([202, 200, 200]);
  });
});

describe('the paper venue', () => {
  const MARKETS = '/api/paper/markets';
  const send = (method: string, path: string, body: unknown = {}) =>
    api.call(path, {
      method,
      headers: { ...AUTHORIZED, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  it('a market from its listing to its settlement, and what it leaves', async () => {
    const { putPaperMarket: listing, tradeByOthers: trade, settlePaperMarket: settlement } = BODIES;
    const statuses = async (...calls: [method: string, path: string, body: unknown][]) => {
      const seen: number[] = [];
      for (const call of calls) seen.push((await send(...call)).status);
      return seen;
    };
    const rounds = await statuses(
      ['PUT', `${MARKETS}/rain`, listing],
      ['POST', `${MARKETS}/rain/trades`, trade],
      ['POST', `${MARKETS}/rain/settle`, settlement],
      ['PUT', `${MARKETS}/rain`, listing],
      ['POST', `${MARKETS}/rain/trades`, trade],
      ['POST', `${MARKETS}/rain/settle`, settlement],
      ['PUT', '/api/paper/behaviour', {}],
      ['POST', '/api/paper/account/transfers', BODIES['transferPaperCash']],
      ['POST', '/api/paper/account/transfers', { amount: -1e9 }],
    );
    expect(rounds).toEqual([200, 200, 200, 409, 409, 409, 200, 200, 409]);
    for (const path of ['markets', 'orders', 'fills', 'account']) {
      expect([path, (await api.get(`/api/paper/${path}`)).status]).toEqual([path, 200]);
    }
  });
});

describe('at the end', () => {
  it('everything that the document tells has been seen, so that nothing is told that is not so', () => {
    const told = operations.flatMap(({ operationId, statuses }) =>
      statuses.map((status) => `${operationId} ${status}`),
    );
    expect(told.filter((one) => !apiDocument.seen.has(one) && !NOT_PROVOKED.includes(one))).toEqual([]);
    expect(NOT_PROVOKED.filter((one) => apiDocument.seen.has(one) || !told.includes(one))).toEqual([]);
  });
});
