import { createHash } from 'node:crypto';
import { Client } from 'pg';
import { eventually } from '../support/eventually.js';
import { startWorker } from '../support/run-processes.js';
import { AUTHORIZED, startTestApi, type TestApi } from '../support/test-api.js';

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
const NO_RUN = '019a0000-0000-7000-8000-000000000000';

let api: TestApi;
let calibration: string;
let dry: string;
let waiting: string;

beforeAll(async () => {
  api = await startTestApi();
  const start = async (body: object) => (await api.post('/api/execution/start', body)).body.runId ?? '';
  calibration = await start({ dryRun: false, pipeline: 'calibration' });
  dry = await start({});
  const worker = await startWorker(api.database.url);
  try {
    await eventually('both have ended', async () => {
      const { items } = (await api.get('/api/runs?status=completed')).body;
      return (items as object[]).length === 2;
    });
  } finally {
    await worker.close();
  }
  waiting = await start({});
});
afterAll(() => api.close());

const report = (id: string, accept?: string) =>
  api.call(`/api/runs/${id}/report`, { headers: { ...AUTHORIZED, ...(accept === undefined ? {} : { accept }) } });
const picture = (id: string) => api.get(`/api/runs/${id}/report.svg`);

describe('GET /api/runs/:id/report.svg', () => {
  it('is the picture, which may run and fetch nothing', async () => {
    const { status, headers, body } = await picture(calibration.toUpperCase());
    expect([status, headers.get('content-type')]).toEqual([200, 'image/svg+xml; charset=utf-8']);
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; .*frame-ancestors 'none'; sandbox$/);
    const svg = String(body['text']);
    expect(svg).toMatch(/^<svg .*<\/svg>$/);
    expect(svg).toContain('n 42 · Brier 0.0330 · ECE 0.0893');
  });

  it('is there for runs that ended with a calibration’s report only', async () => {
    const refusals = await Promise.all([waiting, dry, NO_RUN, 'x'].map(picture));
    expect(refusals.map(({ status, body }) => [status, body.code])).toEqual([
      [409, 'RUN_NOT_FINISHED'],
      [404, 'NOT_FOUND'],
      [404, 'NOT_FOUND'],
      [404, 'NOT_FOUND'],
    ]);
    expect((await api.call(`/api/runs/${calibration}/report.svg`)).status).toBe(401);
  });
});

describe('GET /api/runs/:id/report', () => {
  it.each([
    undefined,
    '*/*',
    'application/json',
    'application/*',
    'application/json, text/html',
    'text/csv',
    'image/*',
  ])('is JSON for accept: %s', async (accept) => {
    const { status, headers, body } = await report(calibration, accept);
    expect([status, headers.get('content-type'), headers.get('vary')]).toEqual([
      200,
      'application/json; charset=utf-8',
      'accept',
    ]);
    expect(body).toMatchObject({ ok: true, runId: calibration, report: { n: 42 } });
  });

  it.each([BROWSER, 'text/html', 'text/html, application/json;q=0.9'])('is a page for accept: %s', async (accept) => {
    const { status, headers, body } = await report(calibration, accept);
    expect([status, headers.get('content-type'), headers.get('vary')]).toEqual([
      200,
      'text/html; charset=utf-8',
      'accept',
    ]);
    const page = String(body['text']);
    for (const shown of ['sample', calibration, '0.0330', '0.1133', '0.0893', '0.000–0.176', 'kalshi', 'KXEPLGOAL']) {
      expect(page).toContain(shown);
    }
    expect(page).toContain('<svg ');
  });

  it('lets its page use its own style sheet and nothing else', async () => {
    const { headers, body } = await report(calibration, BROWSER);
    const page = String(body['text']);
    const style = /<style>([^<]*)<\/style>/.exec(page)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    const own = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
    expect(headers.get('content-security-policy')).toBe(`${own}; frame-ancestors 'none'`);
    expect(page).toContain(`<meta http-equiv="Content-Security-Policy" content="${own}">`);
    expect(page).not.toMatch(/<script|<link|<img|style="| on[a-z]+="|href=|src=|url\(/);
  });

  it('refuses in JSON, also to browsers', async () => {
    const refusals = await Promise.all([waiting, dry, NO_RUN].map((id) => report(id, BROWSER)));
    expect(refusals.map(({ status, body }) => [status, body.code])).toEqual([
      [409, 'RUN_NOT_FINISHED'],
      [404, 'NOT_FOUND'],
      [404, 'NOT_FOUND'],
    ]);
  });

  it('has neither page nor picture for what is no calibration’s', async () => {
    const client = new Client({ connectionString: api.database.url });
    await client.connect();
    await client.query('INSERT INTO run_reports (run_id, report) VALUES ($1, $2)', [dry, '{"success":true,"n":"42"}']);
    await client.end();
    expect(await report(dry, BROWSER)).toMatchObject({ status: 200, body: { ok: true, report: { success: true } } });
    expect(await picture(dry)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
  });
});
