import { Authenticator, type Role } from '@interlock/access';
import { TradingApi } from '../support/trading-api.js';

let trading: TradingApi;
beforeAll(async () => {
  trading = await TradingApi.start();
  await trading.send('PUT', '/api/paper/behaviour', { latencyMs: 0 });
});
afterAll(() => trading.close());

const TRANSFERS = '/api/accounts/paper/default/transfers';
let lastKey = 0;
/** Books a deposit of 25 under a key of its own, unless told. */
const book = (body: object = {}, headers: Record<string, string> = {}) =>
  trading.send(
    'POST',
    TRANSFERS,
    { amount: '25', reason: 'funding', idempotencyKey: `k-${++lastKey}`, ...body },
    headers,
  );
const account = async () => (await trading.items<Record<string, string>>('/api/accounts'))[0];

describe('POST /api/accounts/:venue/:account/transfers', () => {
  it('books deposits and withdrawals, tells who and why, and lists them newest first', async () => {
    expect(await account()).toEqual({
      venue: 'paper',
      account: 'default',
      mode: 'paper',
      cash: '10000',
      reserved: '0',
      free: '10000',
    });
    const deposit = await book({ amount: '250.10', reason: 'monthly funding', idempotencyKey: 'wire-1' });
    const transfer = {
      transferId: expect.any(String),
      venue: 'paper',
      account: 'default',
      amount: '250.1',
      cash: '10250.1',
      reason: 'monthly funding',
      idempotencyKey: 'wire-1',
      bookedBy: 'admin',
      bookedAt: expect.any(String),
    };
    expect(deposit).toMatchObject({ status: 201, body: { ok: true, transfer } });
    expect(await book({ amount: -0.1 })).toMatchObject({ status: 201, body: { transfer: { amount: '-0.1' } } });
    expect(await account()).toMatchObject({ cash: '10250', free: '10250' });
    expect((await trading.items<object>(TRANSFERS)).slice(1)).toEqual([transfer]);
    const page = (await trading.api.get(`${TRANSFERS}?limit=1`)).body;
    expect(page.items).toMatchObject([{ amount: '-0.1' }]);
    const next = await trading.items(`${TRANSFERS}?limit=1&cursor=${String(page['nextCursor'])}`);
    expect(next).toEqual([transfer]);
    const [, told] = await trading.items<object>('/api/events?event=transfer_booked');
    expect(told).toMatchObject({
      severity: 'warning',
      source: 'api',
      actor: 'admin',
      reason: 'monthly funding',
      details: { amount: '250.1', cashBefore: '10000', cash: '10250.1', reserved: '0', idempotencyKey: 'wire-1' },
    });
    expect((await trading.api.get('/api/pnl')).body).toMatchObject({ net: '0', days: [] });
  });

  it('books once per key, in body or header, and refuses the key for another amount', async () => {
    const before = await account();
    const first = await book({ amount: '7', idempotencyKey: undefined }, { 'idempotency-key': 'wire-2' });
    const again = await book({ amount: 7.0, idempotencyKey: 'wire-2', reason: 'again' });
    expect([first.status, again.status, again.body['replayed']]).toEqual([201, 200, true]);
    expect(again.body['transfer']).toEqual(first.body['transfer']);
    const { transferId } = first.body['transfer'] as { transferId: string };
    expect(await book({ amount: '-7', idempotencyKey: 'wire-2' })).toMatchObject({
      status: 422,
      body: { code: 'IDEMPOTENCY_KEY_REUSED', transferId },
    });
    expect(Number((await account())?.['cash']) - Number(before?.['cash'])).toBe(7);
  });

  it('refuses to leave less than working orders reserve, with both numbers, and takes deposits all the same', async () => {
    const { orderId } = await trading.admitted({ quantity: '100', price: '0.5' });
    const { cash } = (await account()) ?? {};
    expect(await book({ amount: `-${Number(cash) - 49}` })).toMatchObject({
      status: 409,
      body: {
        code: 'INSUFFICIENT_CASH',
        message: expect.stringContaining('would leave 49, less than the 50 that working orders reserve'),
        details: { rule: 'cash', scope: 'venue:paper', current: '49', limit: '50' },
      },
    });
    expect(await book({ amount: '1' })).toMatchObject({ status: 201 });
    await trading.send('DELETE', `/api/orders/${orderId}`);
  });

  it.each([
    [{ amount: '0' }, 'amount'],
    [{ amount: 0 }, 'amount'],
    [{ amount: '-0.00' }, 'amount'],
    [{ amount: '+5' }, 'amount'],
    [{ amount: '--5' }, 'amount'],
    [{ amount: '1e3' }, 'amount'],
    [{ amount: '0.000000001' }, 'amount'],
    [{ amount: '-1000000000001' }, 'amount'],
    [{ amount: null }, 'amount'],
    [{ amount: ['1'] }, 'amount'],
    [{ amount: undefined }, 'amount'],
    [{ reason: undefined }, 'reason'],
    [{ reason: '  ' }, 'reason'],
    [{ reason: 'x'.repeat(501) }, 'reason'],
    [{ idempotencyKey: undefined }, 'idempotencyKey'],
    [{ idempotencyKey: 'two words' }, 'idempotencyKey'],
    [{ idempotencyKey: '' }, 'idempotencyKey'],
    [{ strategy: 'alpha' }, 'strategy'],
  ])('%j is refused, naming %s, and books nothing', async (body, field) => {
    const before = await trading.items(TRANSFERS);
    const answer = await book(body);
    expect(answer).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } });
    expect(Object.keys(answer.body['fieldErrors'] as object)).toEqual([field]);
    expect(await trading.items(TRANSFERS)).toEqual(before);
  });

  it('knows no other account, and refuses a body whose key is not its header’s', async () => {
    for (const path of ['/api/accounts/paper/other', '/api/accounts/none/default']) {
      const sent = await trading.send('POST', `${path}/transfers`, { amount: 1, reason: 'x', idempotencyKey: 'k' });
      expect([sent.status, sent.body.code]).toEqual([404, 'NOT_FOUND']);
      expect((await trading.api.get(`${path}/transfers`)).status).toBe(404);
    }
    expect(await book({}, { 'idempotency-key': 'another' })).toMatchObject({ status: 400 });
  });

  it('A1 is for risk officers; anybody with a token may read', async () => {
    const authenticator = trading.api.app.get(Authenticator, { strict: false });
    const statusesAs = async (role: Role) => {
      authenticator.authenticate = () => ({ kind: 'known', actor: { name: role, role } });
      const asked = [book(), trading.api.get(TRANSFERS), trading.api.get('/api/accounts')];
      const atVenue = trading.send('POST', '/api/paper/account/transfers', { amount: 1 });
      return (await Promise.all([...asked, atVenue])).map(({ status }) => status);
    };
    try {
      expect(await statusesAs('observer')).toEqual([403, 200, 200, 403]);
      expect(await statusesAs('operator')).toEqual([403, 200, 200, 403]);
      expect(await statusesAs('risk-officer')).toEqual([201, 200, 200, 403]);
      expect(await statusesAs('admin')).toEqual([201, 200, 200, 200]);
    } finally {
      Reflect.deleteProperty(authenticator, 'authenticate'); // its class's own again
    }
    await trading.send('POST', '/api/paper/account/transfers', { amount: -1 });
  });

  it('works while a switch is on, and leaves it on', async () => {
    await trading.send('POST', '/api/execution/stop', { scope: 'venue:paper', reason: 'books differ' });
    expect(await book()).toMatchObject({ status: 201 });
    expect(await trading.place()).toMatchObject({ status: 409, body: { code: 'KILL_SWITCH_ON' } });
    await trading.send('POST', '/api/execution/stop', { scope: 'venue:paper', enabled: false });
  });
});

describe('POST /api/paper/account/transfers', () => {
  const move = (amount: unknown) => trading.send('POST', '/api/paper/account/transfers', { amount });

  it('changes the cash at the venue alone', async () => {
    const ours = await account();
    expect(await move('2.5')).toMatchObject({ status: 200, body: { ok: true, cash: '10002.5', reserved: '0' } });
    expect(await move(-2.50000001)).toMatchObject({ status: 200, body: { cash: '9999.99999999' } });
    expect((await trading.api.get('/api/paper/account')).body).toMatchObject({ cash: '9999.99999999' });
    expect(await account()).toEqual(ours);
  });

  it('leaves what working orders hold there, and takes no odd amount', async () => {
    expect(await move('-10000')).toMatchObject({
      status: 409,
      body: { code: 'INSUFFICIENT_CASH', details: { current: '-0.00000001', limit: '0' } },
    });
    for (const amount of ['0', '1e3', true, '0.000000001']) expect((await move(amount)).status).toBe(400);
  });
});
