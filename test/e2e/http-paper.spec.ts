import { type OrderIntent, type SubmitResult, Venues } from '@interlock/venues';
import { newId } from '@interlock/persistence';
import { type Answer, AUTHORIZED, startTestApi, type TestApi } from '../support/test-api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ PAPER_CASH: '500.50' });
  await put('/api/paper/behaviour', { latencyMs: 0 });
});
afterAll(() => api.close());

const put = (path: string, body: unknown): Promise<Answer> =>
  api.call(path, {
    method: 'PUT',
    headers: { ...AUTHORIZED, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

const RULES = { outcomes: ['YES', 'NO'], rules: 'free', tick: '0.01', minQuantity: 1, status: 'OPEN' };
const BOOKS = { YES: { bids: [['0.4', 10]], asks: [['0.5', '5'], ['0.6', '5']] } }; // prettier-ignore
const market = (id: string, more: object = {}) => put(`/api/paper/markets/${id}`, { ...RULES, books: BOOKS, ...more });

async function submit(order: Partial<OrderIntent>): Promise<SubmitResult> {
  const venue = api.app.get(Venues, { strict: false }).get('paper');
  const intent: OrderIntent = {
    orderId: newId(),
    market: '',
    outcome: 'YES',
    side: 'BUY',
    type: 'limit',
    price: '0.5',
    quantity: '10',
    timeInForce: 'GTC',
    expiresAt: null,
    postOnly: false,
    reduceOnly: false,
    ...order,
  };
  return venue.submit(venue.prepareOrder(intent), {
    signal: new AbortController().signal,
    sendBy: new Date(Date.now() + 5_000),
  });
}

const itemsOf = ({ body }: Answer) => body.items as Record<string, unknown>[];

describe('PUT /api/paper/markets/:market', () => {
  it('makes a market and shows it with all that it is, amounts as plain decimal text', async () => {
    const closesAt = '2030-01-01T00:00:00.000Z';
    const expected = {
      market: 'made',
      outcomes: ['YES', 'NO'],
      rules: 'polymarket',
      feeRate: '0.03',
      feeExponent: 0.5,
      tick: '0.001',
      minQuantity: '5',
      status: 'OPEN',
      closesAt,
      settledAt: null,
      books: {
        YES: { bids: [['0.41', '3'], ['0.4', '10.5']], asks: [['0.5', '7']] }, // prettier-ignore
        NO: { bids: [], asks: [] },
      },
    };
    const fees = { rules: 'polymarket', feeRate: 0.03, feeExponent: '0.50', tick: '0.0010', minQuantity: 5 };
    const bids = [['0.40', '10'], [0.41, 3], ['0.4', 0.5]]; // prettier-ignore
    const books = { YES: { bids, asks: [['0.5', '7.00']] } };
    expect(await market('made', { ...fees, closesAt, books })).toMatchObject({
      status: 200,
      body: { ok: true, market: expected },
    });
    expect(itemsOf(await api.get('/api/paper/markets'))).toContainEqual(expected);
  });

  it('replaces what others offer, and fills what rests where the new book reaches it', async () => {
    await market('replaced', { books: {} });
    await submit({ market: 'replaced', quantity: '4' });
    const { body } = await market('replaced', { books: { YES: { bids: [], asks: [['0.45', 6]] } } });
    expect(body['market']).toMatchObject({ books: { YES: { bids: [], asks: [['0.45', '2']] } } });
    const [order] = itemsOf(await api.get('/api/paper/orders?market=replaced'));
    expect(order).toMatchObject({ status: 'FILLED', price: '0.5', filledQuantity: '4' });
  });

  it.each<[string, object, string]>([
    ['no outcomes', { outcomes: [] }, 'outcomes'],
    ['outcomes that are no texts', { outcomes: [1] }, 'outcomes'],
    ['an outcome twice', { outcomes: ['YES', 'YES'] }, 'outcomes'],
    ['an outcome with a blank', { outcomes: ['YES', 'N O'] }, 'outcomes'],
    ['no rules', { rules: undefined }, 'rules'],
    ['unknown rules', { rules: 'nasdaq' }, 'rules'],
    ['a fee rate above 1', { feeRate: '1.01' }, 'feeRate'],
    ['a fee rate that is no number', { feeRate: '1e-3' }, 'feeRate'],
    ['a negative fee exponent', { feeExponent: -1 }, 'feeExponent'],
    ['no tick', { tick: undefined }, 'tick'],
    ['a tick of 0', { tick: 0 }, 'tick'],
    ['a tick of 1', { tick: '1' }, 'tick'],
    ['a tick of 9 decimals', { tick: '0.000000001' }, 'tick'],
    ['a least quantity of 0', { minQuantity: '0' }, 'minQuantity'],
    ['a least quantity beyond 1e12', { minQuantity: '1000000000001' }, 'minQuantity'],
    ['no status', { status: undefined }, 'status'],
    ['an unknown status', { status: 'open' }, 'status'],
    ['a time that is none', { closesAt: '2030-02-30' }, 'closesAt'],
    ['books that are a list', { books: [] }, 'books'],
    ['a null', { books: null }, 'books'],
    ['a book of an unknown outcome', { books: { MAYBE: {} } }, 'books.MAYBE'],
    ['a book that is none', { books: { YES: [] } }, 'books.YES'],
    ['a book with other sides', { books: { YES: { bid: [] } } }, 'books.YES'],
    ['levels that are no list', { books: { YES: { bids: {} } } }, 'books.YES.bids'],
    ['a level that is no pair', { books: { YES: { bids: [['0.4']] } } }, 'books.YES.bids.0'],
    ['a price of 1', { books: { YES: { bids: [['1', 1]] } } }, 'books.YES.bids.0.0'],
    ['a price of 0', { books: { YES: { asks: [['0.5', 1], [0, 1]] } } }, 'books.YES.asks.1.0'], // prettier-ignore
    ['a negative price', { books: { YES: { bids: [['-0.4', 1]] } } }, 'books.YES.bids.0.0'],
    ['a quantity of 0', { books: { YES: { bids: [['0.4', 0]] } } }, 'books.YES.bids.0.1'],
    ['a quantity of 9 decimals', { books: { YES: { bids: [['0.4', 0.123456789]] } } }, 'books.YES.bids.0.1'],
    ['a crossed book', { books: { YES: { bids: [['0.5', 1]], asks: [['0.5', 1]] } } }, 'books.YES'],
    ['an unknown field', { fee: 1 }, 'fee'],
  ])('refuses %s by name', async (_, more, field) => {
    const { status, body } = await market('refused', more);
    expect([status, body.code]).toEqual([400, 'VALIDATION_FAILED']);
    expect(Object.keys(body.fieldErrors ?? {})).toEqual([field]);
  });

  it('refuses an id that is none and other outcomes than it has', async () => {
    expect(await market('a%20b')).toMatchObject({
      status: 400,
      body: { fieldErrors: { market: [expect.any(String)] } },
    });
    expect(await market('x'.repeat(129))).toMatchObject({ status: 400 });
    await market('kept');
    expect(await market('kept', { outcomes: ['YES'] })).toMatchObject({
      status: 400,
      body: { fieldErrors: { outcomes: [expect.any(String)] } },
    });
    expect(await market('kept', { outcomes: ['NO', 'YES'] })).toMatchObject({ status: 200 });
    expect(itemsOf(await api.get('/api/paper/markets')).map((one) => one['market'])).not.toContain('refused');
  });
});

describe('POST /api/paper/markets/:market/trades', () => {
  const trade = (more: object = {}, id = 'traded') =>
    api.post(`/api/paper/markets/${id}/trades`, { outcome: 'YES', side: 'SELL', price: '0.4', quantity: 12, ...more });

  it('fills what rests behind what is shown', async () => {
    await market('traded');
    await submit({ market: 'traded', price: '0.4', quantity: '5' });
    expect(await trade()).toMatchObject({ status: 200, body: { ok: true, filledQuantity: '2' } });
    expect(await trade({ side: 'BUY' })).toMatchObject({ status: 200, body: { filledQuantity: '0' } });
    expect(await trade({ outcome: 'NO' })).toMatchObject({ status: 200, body: { filledQuantity: '0' } });
  });

  it.each<[string, object, string]>([
    ['an unknown outcome', { outcome: 'MAYBE' }, 'outcome'],
    ['an outcome that is no text', { outcome: 1 }, 'outcome'],
    ['an unknown side', { side: 'buy' }, 'side'],
    ['a price of 1', { price: 1 }, 'price'],
    ['a price of 0', { price: '0' }, 'price'],
    ['no price', { price: undefined }, 'price'],
    ['a quantity of 0', { quantity: '0.0' }, 'quantity'],
    ['a negative quantity', { quantity: -1 }, 'quantity'],
    ['an unknown field', { taker: 'me' }, 'taker'],
  ])('refuses %s by name', async (_, more, field) => {
    await market('traded');
    const { status, body } = await trade(more);
    expect([status, Object.keys(body.fieldErrors ?? {})]).toEqual([400, [field]]);
  });

  it('answers 404 for a market that is not there, 409 for one that does not trade', async () => {
    expect(await trade({}, 'nowhere')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    await market('paused', { status: 'PAUSED' });
    const details = { rule: 'marketStatus', scope: 'market:paused', current: 'PAUSED', limit: 'OPEN' };
    expect(await trade({}, 'paused')).toMatchObject({ status: 409, body: { code: 'MARKET_CLOSED', details } });
    await market('over', { closesAt: '2020-01-01T00:00:00Z' });
    expect(await trade({}, 'over')).toMatchObject({ status: 409, body: { code: 'MARKET_CLOSED' } });
  });
});

describe('POST /api/paper/markets/:market/settle', () => {
  const settle = (id: string, payouts: unknown) => api.post(`/api/paper/markets/${id}/settle`, { payouts });

  it('cancels, pays and closes, once', async () => {
    const cashOf = async () => Number((await api.get('/api/paper/account')).body['cash']);
    await market('settled');
    await submit({ market: 'settled' });
    const before = await cashOf();
    const { status, body } = await settle('settled', { YES: '0.5', NO: 0.5 });
    expect([status, body['market']]).toEqual([200, expect.objectContaining({ status: 'CLOSED', market: 'settled' })]);
    expect((await cashOf()) - before).toBeCloseTo(2.5, 8);
    expect(itemsOf(await api.get('/api/paper/orders?market=settled'))).toMatchObject([
      { status: 'CANCELED', reason: 'MARKET_SETTLED', filledQuantity: '5' },
    ]);
    for (const again of [settle('settled', { YES: 1, NO: 0 }), market('settled')]) {
      expect(await again).toMatchObject({ status: 409, body: { code: 'MARKET_CLOSED' } });
    }
    expect(await settle('nowhere', { YES: 1, NO: 0 })).toMatchObject({ status: 404 });
  });

  it.each<[string, unknown, string]>([
    ['no payouts', undefined, 'payouts'],
    ['payouts that are a list', ['1', '0'], 'payouts'],
    ['empty payouts', {}, 'payouts'],
    ['a sum other than 1', { YES: '0.6', NO: '0.5' }, 'payouts'],
    ['an outcome left out', { YES: '1' }, 'payouts'],
    ['an outcome that is none', { YES: '1', NO: 0, MAYBE: 0 }, 'payouts'],
    ['a payout above 1', { YES: '1.5', NO: 0 }, 'payouts.YES'],
    ['a negative payout', { YES: 1, NO: -1 }, 'payouts.NO'],
    ['a payout that is no number', { YES: 1, NO: 'none' }, 'payouts.NO'],
  ])('refuses %s by name', async (_, payouts, field) => {
    await market('unsettled');
    const { status, body } = await settle('unsettled', payouts);
    expect([status, Object.keys(body.fieldErrors ?? {})]).toEqual([400, [field]]);
  });
});

describe('PUT /api/paper/behaviour', () => {
  const calm = { latencyMs: 50, acknowledgement: 'normal', rejectRate: 0, mode: 'open', seed: 0 };
  afterEach(() => put('/api/paper/behaviour', { latencyMs: 0 }));

  it('is as it is told, the rest being as by default', async () => {
    expect(await put('/api/paper/behaviour', {})).toMatchObject({ status: 200, body: { ok: true, behaviour: calm } });
    const wish = { latencyMs: 0, acknowledgement: 'late', rejectRate: 0.25, mode: 'post-only', seed: 7 };
    expect(await put('/api/paper/behaviour', wish)).toMatchObject({ status: 200, body: { behaviour: wish } });
  });

  it('has effect', async () => {
    await market('misbehaved');
    await put('/api/paper/behaviour', { latencyMs: 0, rejectRate: 1 });
    expect(await submit({ market: 'misbehaved' })).toMatchObject({ kind: 'REJECTED', code: 'VENUE_REJECTED' });
    await put('/api/paper/behaviour', { latencyMs: 0, mode: 'down' });
    expect(await submit({ market: 'misbehaved' })).toMatchObject({ kind: 'UNKNOWN' });
  });

  it.each<[string, object, string]>([
    ['a negative latency', { latencyMs: -1 }, 'latencyMs'],
    ['half a millisecond', { latencyMs: 0.5 }, 'latencyMs'],
    ['more than a minute', { latencyMs: 60_001 }, 'latencyMs'],
    ['an unknown acknowledgement', { acknowledgement: 'early' }, 'acknowledgement'],
    ['a share above 1', { rejectRate: 1.1 }, 'rejectRate'],
    ['a share as text', { rejectRate: '0.5' }, 'rejectRate'],
    ['an unknown mode', { mode: 'closed' }, 'mode'],
    ['a negative seed', { seed: -1 }, 'seed'],
    ['an unknown field', { jitterMs: 1 }, 'jitterMs'],
  ])('refuses %s by name', async (_, body, field) => {
    const answer = await put('/api/paper/behaviour', body);
    expect([answer.status, Object.keys(answer.body.fieldErrors ?? {})]).toEqual([400, [field]]);
  });
});

describe("the venue's own records", () => {
  it('list orders and fills, newest first, page by page, and the account', async () => {
    await market('listed', { rules: 'kalshi' });
    const orders: SubmitResult[] = [];
    for (const quantity of ['3', '4', '5']) orders.push(await submit({ market: 'listed', quantity }));
    const orderId = (result?: SubmitResult) => (result?.kind === 'ACCEPTED' ? result.order.venueOrderId : result?.kind);

    const first = await api.get('/api/paper/orders?market=listed&limit=2');
    const second = await api.get(`/api/paper/orders?market=listed&limit=2&cursor=${first.body.nextCursor}`);
    const listed = [...itemsOf(first), ...itemsOf(second)];
    expect(listed.map((order) => order['venueOrderId'])).toEqual(orders.map(orderId).toReversed());
    expect(second.body.nextCursor).toBeNull();
    expect(Object.keys(listed[0] ?? {}).toSorted()).toEqual(
      ['clientKey', 'createdAt', 'filledQuantity', 'market', 'outcome', 'price', 'quantity', 'reason', 'side', 'status', 'venueOrderId'], // prettier-ignore
    );
    const statuses = async (working: string) =>
      itemsOf(await api.get(`/api/paper/orders?market=listed&working=${working}`)).map((order) => order['status']);
    expect(await statuses('true')).toEqual(['OPEN', 'PARTIALLY_FILLED']);
    expect(await statuses('false')).toEqual(['FILLED']);

    const fills = await api.get('/api/paper/fills?limit=2');
    expect(itemsOf(fills)).toMatchObject([
      { venueOrderId: orderId(orders[1]), price: '0.5', quantity: '2', fee: '0.04' },
      { venueOrderId: orderId(orders[0]), price: '0.5', quantity: '3', fee: '0.06' },
    ]);
    expect(Object.keys(itemsOf(fills)[0] ?? {}).toSorted()).toEqual(
      ['executedAt', 'fee', 'price', 'quantity', 'venueOrderId', 'venueTradeId'], // prettier-ignore
    );
    const { body } = await api.get('/api/paper/account');
    expect(body['positions']).toContainEqual({ market: 'listed', outcome: 'YES', quantity: '5' });
    expect(Number(body['reserved'])).toBeGreaterThan(0);
  });

  it.each([
    ['/api/paper/orders?working=yes', 'working'],
    ['/api/paper/orders?market=', 'market'],
    ['/api/paper/orders?limit=0', 'limit'],
    ['/api/paper/orders?status=OPEN', 'status'],
    ['/api/paper/fills?cursor=abc', 'cursor'],
    ['/api/paper/fills?market=m', 'market'],
    ['/api/paper/markets?limit=201', 'limit'],
    ['/api/paper/account?a=1', 'a'],
  ])('%s is refused', async (path, field) => {
    const { status, body } = await api.get(path);
    expect([status, Object.keys(body.fieldErrors ?? {})]).toEqual([400, [field]]);
  });

  it('A1 are for those who may', async () => {
    for (const path of ['orders', 'fills', 'account', 'markets']) {
      expect((await api.call(`/api/paper/${path}`)).status).toBe(401);
    }
    expect((await api.call('/api/paper/behaviour', { method: 'PUT' })).status).toBe(401);
  });
});

it('an account that nobody has used yet has the cash of the setting', async () => {
  const fresh = await startTestApi({ PAPER_CASH: '12.50' });
  try {
    expect((await fresh.get('/api/paper/account')).body).toEqual({
      ok: true,
      cash: '12.5',
      reserved: '0',
      positions: [],
    });
  } finally {
    await fresh.close();
  }
});
