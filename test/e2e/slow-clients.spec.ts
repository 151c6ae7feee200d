import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { TEST_TOKEN } from '../support/settings.js';
import { startTestApi, type TestApi } from '../support/test-api.js';

const START = '/api/execution/start';
const HEAD = `host: x\r\nauthorization: Bearer ${TEST_TOKEN}\r\n`;

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

/** Sends `first`, then `drip` again and again, until the server has ended the connection; what it said. */
async function trickle(first: string, drip: string, everyMs: number): Promise<{ answer: string; tookMs: number }> {
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
  const begun = performance.now();
  socket.on('error', () => undefined);
  socket.write(first);
  const drips = setInterval(() => socket.writable && socket.write(drip), everyMs);
  try {
    return { answer: await text(socket).catch(() => ''), tookMs: performance.now() - begun };
  } finally {
    clearInterval(drips);
    socket.destroy();
  }
}

const post = (path: string, method: string, type: string) =>
  `${method} ${path} HTTP/1.1\r\n${HEAD}content-type: ${type}\r\ntransfer-encoding: chunked\r\n\r\n`;

describe('clients that take their time', () => {
  it('get 408 with the envelope: headers, bodies and uploads byte by byte; who says nothing is closed', async () => {
    const csv = 'market_id,probability,outcome\n';
    const upload = `${post('/api/datasets/slow', 'PUT', 'text/csv')}${csv.length.toString(16)}\r\n${csv}\r\n`;
    const [headers, body, dataset, silent, health] = await Promise.all([
      trickle(`POST ${START} HTTP/1.1\r\nhost: x\r\n`, 'x: y\r\n', 500),
      trickle(post(START, 'POST', 'application/json'), '1\r\n{\r\n', 500),
      trickle(upload, '1\r\na\r\n', 500),
      trickle('', '', 60_000),
      trickle('GET /api/health/live HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n', 'x', 200),
    ]);
    for (const { answer, tookMs } of [headers, body, dataset]) {
      expect(answer).toMatch(/^HTTP\/1\.1 408 /);
      expect(answer.toLowerCase()).toContain('x-request-id: ');
      expect(answer.toLowerCase()).toContain('connection: close');
      expect(JSON.parse(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1))).toMatchObject({
        ok: false,
        code: 'REQUEST_TIMEOUT',
      });
      expect(tookMs).toBeGreaterThan(9_000);
      expect(tookMs).toBeLessThan(25_000);
    }
    expect(silent.answer).toMatch(/^HTTP\/1\.1 408 /);
    // Answered at once, and cut off since the rest keeps coming.
    expect(health.answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(health.tookMs).toBeLessThan(9_000);
    expect((await api.get('/api/datasets/slow')).status).not.toBe(200);
  }, 40_000);

  it('may upload slowly as long as they get on', async () => {
    // Twelve seconds in all, in pieces that the least progress allows.
    const row = (n: number) => `market-${n},0.5,1\n`;
    const rows = Array.from({ length: 30_000 }, (_, n) => row(n));
    const pieces = Array.from({ length: 24 }, (_, n) => rows.slice(n * 1_250, (n + 1) * 1_250).join(''));
    let sent = 0;
    const body = new ReadableStream({
      async pull(controller) {
        if (sent === pieces.length) return controller.close();
        await new Promise((resolve) => setTimeout(resolve, sent === 0 ? 0 : 500));
        const header = sent === 0 ? 'market_id,probability,outcome\n' : '';
        controller.enqueue(new TextEncoder().encode(header + pieces[sent]));
        sent += 1;
      },
    });
    const headers = { authorization: `Bearer ${TEST_TOKEN}`, 'content-type': 'text/csv' };
    const init = { method: 'PUT', headers, body, duplex: 'half' } as RequestInit;
    const answer = await api.call('/api/datasets/patient', init);
    expect([answer.status, answer.body]).toMatchObject([201, { dataset: { name: 'patient', rows: 30_000 } }]);
  }, 60_000);
});

describe('requests that are too much by themselves', () => {
  it('hold no more parameters, and are told no more faults, than anybody needs', async () => {
    const query = Array.from({ length: 1_000 }, (_, n) => `p${n}=1`).join('&');
    const many = await api.get(`/api/runs?${query}`);
    expect([many.status, many.body.fieldErrors]).toEqual([400, { query: ['must not have more than 100 parameters'] }]);
    const fields = Object.fromEntries(Array.from({ length: 4_000 }, (_, n) => [`f${n}`, 1]));
    const faulty = await api.post(START, fields);
    expect([faulty.status, Object.keys(faulty.body.fieldErrors ?? {}).length]).toEqual([400, 100]);
  });
});
