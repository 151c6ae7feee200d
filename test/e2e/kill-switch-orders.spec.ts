import { KillSwitchToggle } from '@interlock/kill-switch';
import type { TestingModule } from '@nestjs/testing';
import { Client } from 'pg';
import { eventually } from '../support/eventually.js';
import { startWorker } from '../support/run-processes.js';
import { type Answer, AUTHORIZED, startTestApi, type TestApi } from '../support/test-api.js';

const STOP = '/api/execution/stop';

let api: TestApi;
let worker: TestingModule | undefined;
let probe: Client;
beforeEach(async () => {
  api = await startTestApi({ ORDER_RATE_LIMIT_PER_MIN: '1000000' });
  probe = new Client({ connectionString: api.database.url });
  await probe.connect();
  await put('/api/paper/behaviour', { latencyMs: 0 });
  const books = { YES: { bids: [['0.4', '1000']], asks: [['0.5', '1000']] } };
  const rules = { outcomes: ['YES', 'NO'], rules: 'free', tick: '0.01', minQuantity: 1, status: 'OPEN' };
  await put('/api/paper/markets/rain', { ...rules, books });
  worker = await startWorker(api.database.url, { environment: { ORDER_RATE_LIMIT_PER_MIN: '1000000' } });
  await eventually('the venue is reconciled', async () => {
    const { rows } = await probe.query(`SELECT 1 FROM venue_states WHERE state = 'OPEN' AND reconciled_at IS NOT NULL`);
    return rows[0];
  });
});
afterEach(async () => {
  await worker?.close();
  await probe.end();
  await api.close();
});

async function put(path: string, body: object): Promise<void> {
  const headers = { ...AUTHORIZED, 'content-type': 'application/json' };
  const answer = await api.call(path, { method: 'PUT', headers, body: JSON.stringify(body) });
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
}

async function place(count: number, more: object = {}): Promise<void> {
  const order = { market: 'rain', outcome: 'YES', side: 'BUY', price: '0.3', quantity: '10', ...more };
  const { status, body } = await api.post('/api/orders/batch', { orders: Array.from({ length: count }, () => order) });
  expect([status, (body['results'] as { ok: boolean }[]).every(({ ok }) => ok)]).toEqual([200, true]);
}

const statuses = async () => {
  const { rows } = await probe.query<{ status: string; count: number }>(
    'SELECT status, count(*)::integer FROM orders GROUP BY 1',
  );
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
};
const working = async () => (await api.get('/api/paper/orders?working=true')).body.items as unknown[];
const allOpen = (count: number) => eventually('they work', async () => (await statuses())['OPEN'] === count);
const effects = async () =>
  (await probe.query(`SELECT details FROM ops_events WHERE event = 'kill_switch_effect' ORDER BY id`)).rows.map(
    ({ details }) => details,
  );
const effectOf = ({ status, body }: Answer) => [status, body['effect']];
const effect = (ordersCanceled: number, ordersUnknown: number) => ({ runsAborted: 0, ordersCanceled, ordersUnknown });

describe('the kill switch and working orders', () => {
  it('K4 a stop is answered when the venue shows none of them, with counts that an event tells too; pressed again, it sweeps again', async () => {
    await place(30);
    await allOpen(30);
    expect(effectOf(await api.post(STOP, { reason: 'odd fills' }))).toEqual([200, effect(30, 0)]);
    expect([await working(), await statuses()]).toEqual([[], { CANCELED: 30 }]);
    expect(effectOf(await api.post(STOP))).toEqual([409, effect(0, 0)]);
    await eventually('it is told', async () => (await effects()).length > 0);
    expect(await effects()).toEqual([{ scope: 'global', level: 'halt', version: 1, ...effect(30, 0) }]);
  });

  it('K7 at reduce what sells works on, at halt it is cancelled as well', async () => {
    await place(1, { price: '0.5', timeInForce: 'IOC' });
    await eventually('it is bought', async () => (await statuses())['FILLED'] === 1);
    await place(2);
    await place(1, { side: 'SELL', price: '0.9' });
    await allOpen(3);
    expect(effectOf(await api.post(STOP, { level: 'reduce' }))).toEqual([200, effect(2, 0)]);
    expect(await working()).toMatchObject([{ side: 'SELL' }]);
    expect(effectOf(await api.post(STOP, { level: 'halt' }))).toEqual([200, effect(1, 0)]);
    expect(await working()).toEqual([]);
  });

  it('K4 a venue that is down is not waited for longer than 3 s; the worker chases until none is left, and tells so', async () => {
    await place(3);
    await allOpen(3);
    await put('/api/paper/behaviour', { latencyMs: 0, mode: 'down' });
    const pressedAt = performance.now();
    expect(effectOf(await api.post(STOP))).toEqual([200, effect(0, 3)]);
    expect(performance.now() - pressedAt).toBeLessThan(3_000);
    await put('/api/paper/behaviour', { latencyMs: 0 });
    await eventually('none is left', async () => (await statuses())['CANCELED'] === 3);
    expect(await working()).toEqual([]);
    const told = await eventually('it is told', async () => {
      const all = await effects();
      return all.length === 2 ? all : undefined;
    });
    expect(told).toMatchObject([effect(0, 3), { scope: 'global', version: 1, ordersCanceled: 3, ordersUnknown: 0 }]);
  });

  it('K4 what cannot be counted is not told as none: the answer comes in time, and the worker tells', async () => {
    await place(2);
    await allOpen(2);
    await probe.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
    const pressedAt = performance.now();
    const answer = await api.post(STOP);
    expect(performance.now() - pressedAt).toBeLessThan(3_000);
    expect(effectOf(answer)).toEqual([200, { runsAborted: 0, ordersCanceled: 0, ordersUnknown: null }]);
    await probe.query('COMMIT');
    await eventually('they are cancelled', async () => (await statuses())['CANCELED'] === 2);
    await eventually('it is told', async () => (await effects()).length > 0);
    expect(await effects()).toEqual([{ scope: 'global', level: 'halt', version: 1, ...effect(2, 0) }]);
  });

  it('K4 the worker cancels what an automatic trip forbids, or a press whose api was lost, and tells what it did', async () => {
    await place(5, { strategy: 'alpha' });
    await place(1, { strategy: 'beta' });
    await allOpen(6);
    const toggle = api.app.get(KillSwitchToggle, { strict: false });
    const wish = { scope: 'strategy:alpha', enabled: true, level: 'halt', reason: 'losses' } as const;
    await toggle.underLock(wish.scope, (tx, before) =>
      toggle.change(tx, before, wish, { name: 'x', role: 'operator' }),
    );
    await eventually('they are cancelled', async () => (await statuses())['CANCELED'] === 5);
    expect(await working()).toHaveLength(1);
    await eventually('it is told', async () => (await effects()).length > 0);
    expect(await effects()).toEqual([{ scope: 'strategy:alpha', level: 'halt', version: 1, ...effect(5, 0) }]);
  });
});

describe('POST /api/execution/flatten', () => {
  const FLATTEN = '/api/execution/flatten';
  const planOf = ({ body }: Answer) => body['plan'] as { planId: string; status: string };

  it('K7 puts the switch to reduce, cancels what works and sells what is held; the plan tells', async () => {
    await place(1, { price: '0.5', quantity: '30', timeInForce: 'IOC' });
    await eventually('it is bought', async () => (await statuses())['FILLED'] === 1);
    await place(2);
    await place(1, { side: 'SELL', price: '0.9' });
    await allOpen(3);
    expect((await api.post(STOP)).status).toBe(200);
    const started = await api.post(FLATTEN, { collar: 0.1, reason: 'leaving' });
    expect(started.status).toBe(202);
    const { planId } = planOf(started);
    const done = await eventually('it is done', async () => {
      const answer = await api.get(`${FLATTEN}/${planId}`);
      return planOf(answer).status === 'DONE' ? answer : undefined;
    });
    expect(done.body['plan']).toMatchObject({ scope: 'global', collar: '0.1', failure: null, positionsLeft: 0 });
    const { body } = await api.get(STOP);
    expect(body['killSwitch']).toMatchObject({ enabled: true, level: 'reduce', reason: 'leaving' });
    expect((await api.get('/api/paper/account')).body['positions']).toEqual([]);
    expect(await working()).toEqual([]);
  });

  it.each([
    ['scope', { scope: 'everything' }],
    ['collar', { collar: '-0.1' }],
    ['collar', { collar: 'wide' }],
    ['collar', { collar: '5' }], // five cents are 0.05; this would sell at any price
    ['reason', { reason: 'x'.repeat(501) }],
    ['price', { price: '0.4' }],
  ])('400 names %s', async (field, body) => {
    const answer = await api.post(FLATTEN, body);
    expect([answer.status, Object.keys(answer.body.fieldErrors ?? {})]).toEqual([400, [field]]);
  });

  it('404 where there is no such plan', async () => {
    for (const id of ['none', '019a0000-0000-7000-8000-000000000000']) {
      expect((await api.get(`${FLATTEN}/${id}`)).status).toBe(404);
    }
  });
});
