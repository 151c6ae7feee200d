import { eventually } from '../support/eventually.js';
import type { Answer } from '../support/test-api.js';
import { type ToldOrder, type ToldResult, TradingApi } from '../support/trading-api.js';

let trading: TradingApi;
beforeAll(async () => {
  trading = await TradingApi.start();
});
afterAll(() => trading.close());

const KEY = 'idempotency-key';
const outcome = ({ status, body }: Answer) => [status, body.code ?? (body['order'] as ToldOrder).status];
const orderIn = ({ body }: Answer) => body['order'] as ToldOrder;
const countOrders = async () => Number((await trading.probe.query('SELECT count(*) FROM orders')).rows[0].count);
const stop = (body: object) => trading.send('POST', '/api/execution/stop', body);
const setLimit = (rule: string, scope: string, limit: string | null) =>
  trading.send('PUT', '/api/risk/limits', { limits: [{ rule, scope, limit }], reason: 'for the test' });
const setVenue = (state: string) =>
  trading.probe.query(`UPDATE venue_conditions SET state = $1 WHERE venue = 'paper'`, [state]);

describe('POST /api/orders', () => {
  it('stores an order with all defaults and tells it whole, amounts as plain decimal text', async () => {
    const sent = { market: 'rain', outcome: 'YES', side: 'BUY', price: 0.4, quantity: '10.50' };
    const { status, body } = await trading.send('POST', '/api/orders', sent);
    const order = body['order'] as ToldOrder;
    expect([status, body]).toEqual([
      201,
      {
        ok: true,
        order: {
          orderId: expect.any(String),
          clientOrderId: null,
          runId: null,
          strategy: 'default',
          mode: 'paper',
          venue: 'paper',
          market: 'rain',
          outcome: 'YES',
          side: 'BUY',
          type: 'limit',
          price: '0.4',
          quantity: '10.5',
          filledQuantity: '0',
          averagePrice: null,
          timeInForce: 'GTC',
          expiresAt: null,
          postOnly: false,
          reduceOnly: false,
          status: 'ADMITTED',
          reason: null,
          venueOrderId: null,
          version: 1,
          createdAt: expect.any(String),
          updatedAt: order['createdAt'],
        },
      },
    ]);
    expect(await trading.api.get(`/api/orders/${order.orderId}`)).toMatchObject({ status: 200, body: { order } });
    expect(await trading.items('/api/orders')).toContainEqual(order);
  });

  it.each<[string, object, object]>([
    ['a market order is IOC', { type: 'market', price: undefined }, { timeInForce: 'IOC', price: null }],
    ['a market order may have a worst price, and be FOK', { type: 'market', timeInForce: 'FOK' }, { price: '0.42' }],
    ['a limit order may be IOC', { timeInForce: 'IOC' }, { timeInForce: 'IOC' }],
    ['or FOK', { timeInForce: 'FOK' }, { timeInForce: 'FOK' }],
    ['GTC may be post-only', { postOnly: true }, { postOnly: true }],
    [
      'GTD too, with any offset',
      { timeInForce: 'GTD', expiresAt: '2099-01-01T02:30:00+02:00', postOnly: true },
      { expiresAt: '2099-01-01T00:30:00.000Z', postOnly: true },
    ],
    ['the smallest amounts there are', { price: '0.01', quantity: 1.00000001 }, { quantity: '1.00000001' }],
    ['a key of 64 characters', { clientOrderId: 'k'.repeat(64) }, { clientOrderId: 'k'.repeat(64) }],
  ])('takes what goes together: %s', async (_, wish, told) => {
    const answer = await trading.place({ strategy: 'combining', ...wish });
    expect([answer.status, answer.body['order']]).toMatchObject([201, told]);
  });

  it.each<[string, object, string]>([
    ['no market', { market: undefined }, 'market'],
    ['a market with a blank', { market: 'ra in' }, 'market'],
    ['an unknown market', { market: 'nowhere' }, 'market'],
    ['no outcome', { outcome: undefined }, 'outcome'],
    ['an empty outcome', { outcome: '' }, 'outcome'],
    ['an unknown outcome', { outcome: 'MAYBE' }, 'outcome'],
    ['no side', { side: undefined }, 'side'],
    ['a side in small letters', { side: 'buy' }, 'side'],
    ['an unknown type', { type: 'stop' }, 'type'],
    ['a limit order without price', { price: undefined }, 'price'],
    ['a price of 0', { price: 0 }, 'price'],
    ['a price of 1', { price: '1.0' }, 'price'],
    ['a negative price', { price: -0.1 }, 'price'],
    ['a price of 9 decimals', { price: '0.123456789' }, 'price'],
    ['a price with an exponent', { price: '1e-1' }, 'price'],
    ['a price that is null', { price: null }, 'price'],
    ['a price that is true', { price: true }, 'price'],
    ['no quantity', { quantity: undefined }, 'quantity'],
    ['a quantity of 0', { quantity: '0.00' }, 'quantity'],
    ['a negative quantity', { quantity: -1 }, 'quantity'],
    ['a quantity above 1e12', { quantity: '1000000000000.00000001' }, 'quantity'],
    ['a quantity of 9 decimals', { quantity: 0.123456789 }, 'quantity'],
    ['a quantity that is no number', { quantity: 'ten' }, 'quantity'],
    ['a quantity with a sign', { quantity: '+5' }, 'quantity'],
    ['a quantity without digits before its point', { quantity: '.5' }, 'quantity'],
    ['a quantity with a blank', { quantity: ' 5' }, 'quantity'],
    ['an unknown time in force', { timeInForce: 'DAY' }, 'timeInForce'],
    ['a market order that rests', { type: 'market', timeInForce: 'GTC' }, 'timeInForce'],
    ['a market order until a time', { type: 'market', timeInForce: 'GTD', expiresAt: '2099-01-01T00:00:00Z' }, 'timeInForce'], // prettier-ignore
    ['GTD without a time', { timeInForce: 'GTD' }, 'expiresAt'],
    ['a time without GTD', { expiresAt: '2099-01-01T00:00:00Z' }, 'expiresAt'],
    ['a time that is past', { timeInForce: 'GTD', expiresAt: '2020-01-01T00:00:00Z' }, 'expiresAt'],
    ['a day without time', { timeInForce: 'GTD', expiresAt: '2099-01-01' }, 'expiresAt'],
    ['a day that does not exist', { timeInForce: 'GTD', expiresAt: '2099-02-30T00:00:00Z' }, 'expiresAt'],
    ['an hour that does not exist', { timeInForce: 'GTD', expiresAt: '2099-02-03T25:00:00Z' }, 'expiresAt'],
    ['post-only that takes', { timeInForce: 'IOC', postOnly: true }, 'postOnly'],
    ['post-only at the market', { type: 'market', postOnly: true }, 'postOnly'],
    ['a boolean in quotes', { postOnly: 'true' }, 'postOnly'],
    ['a number for a boolean', { reduceOnly: 1 }, 'reduceOnly'],
    ['a strategy in capitals', { strategy: 'Momentum' }, 'strategy'],
    ['an unknown venue', { venue: 'nasdaq' }, 'venue'],
    ['an empty key', { clientOrderId: '' }, 'clientOrderId'],
    ['a key of 65 characters', { clientOrderId: 'k'.repeat(65) }, 'clientOrderId'],
    ['a key with a blank', { clientOrderId: 'a b' }, 'clientOrderId'],
    ['a field that is not known', { runId: '019a0000-0000-7000-8000-000000000000' }, 'runId'],
  ])('refuses %s by name, and stores nothing', async (_, wish, field) => {
    const before = await countOrders();
    const { status, body } = await trading.place(wish);
    expect([status, body.code]).toEqual([400, 'VALIDATION_FAILED']);
    expect(Object.keys(body.fieldErrors ?? {})).toContain(field);
    expect(await countOrders()).toBe(before);
  });

  it('names all faults of an empty body at once', async () => {
    const { body } = await trading.send('POST', '/api/orders', {});
    expect(Object.keys(body.fieldErrors ?? {}).toSorted()).toEqual(['market', 'outcome', 'quantity', 'side']);
  });
});

describe('the client order id', () => {
  it('R3: 50 concurrent requests with one id make one order', async () => {
    const before = await countOrders();
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => trading.place({ strategy: 'crowd', clientOrderId: 'once' })),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      ...Array.from({ length: 49 }, () => 200),
      201,
    ]);
    expect(new Set(answers.map((answer) => orderIn(answer).orderId)).size).toBe(1);
    expect(answers.filter(({ body }) => body['replayed'] === true)).toHaveLength(49);
    expect(await countOrders()).toBe(before + 1);
  });

  it('repeats an order as it is by now, whatever its amounts look like, also while a switch is on', async () => {
    const wish = { strategy: 'repeating', clientOrderId: 'r-1' };
    const { orderId } = await trading.admitted(wish);
    await trading.lead(orderId, 'SUBMITTED', 'OPEN');
    await stop({ scope: 'strategy:repeating' });
    const again = await trading.place({ ...wish, price: 0.42, quantity: '10.000' });
    expect(again).toMatchObject({
      status: 200,
      body: { replayed: true, order: { orderId, status: 'CANCEL_PENDING' } },
    });
    expect(outcome(await trading.place({ strategy: 'repeating' }))).toEqual([409, 'KILL_SWITCH_ON']);
  });

  it('belongs to its strategy, and to its parameters', async () => {
    const { orderId } = await trading.admitted({ strategy: 'keys-a', clientOrderId: 'k' });
    expect((await trading.admitted({ strategy: 'keys-b', clientOrderId: 'k' })).orderId).not.toBe(orderId);
    const others = [{ price: '0.43' }, { quantity: 11 }, { side: 'SELL' }, { timeInForce: 'IOC' }, { postOnly: true }];
    for (const other of [...others, { reduceOnly: true }, { outcome: 'NO' }, { type: 'market' }]) {
      const { status, body } = await trading.place({ strategy: 'keys-a', clientOrderId: 'k', ...other });
      expect([other, status, body.code, body['orderId']]).toEqual([other, 422, 'IDEMPOTENCY_KEY_REUSED', orderId]);
    }
  });

  it('finds an order that has expired since, but takes no new one that has', async () => {
    const gtd = { strategy: 'expiring', timeInForce: 'GTD', clientOrderId: 'e-1' };
    const { orderId } = await trading.admitted({ ...gtd, expiresAt: '2099-01-01T00:00:00Z' });
    const wish = { ...gtd, expiresAt: '2020-01-01T00:00:00Z' };
    await trading.probe.query('UPDATE orders SET expires_at = $1 WHERE id = $2', [wish.expiresAt, orderId]);
    expect(orderIn(await trading.place(wish)).orderId).toBe(orderId);
    expect(outcome(await trading.place({ ...wish, clientOrderId: 'e-2' }))).toEqual([400, 'VALIDATION_FAILED']);
  });

  it('may stand in the header; both and different is refused, and so is one for a whole batch', async () => {
    const made = await trading.place({ strategy: 'headed' }, { [KEY]: 'h-1' });
    expect([made.status, orderIn(made)['clientOrderId']]).toEqual([201, 'h-1']);
    expect((await trading.place({ strategy: 'headed', clientOrderId: 'h-1' }, { [KEY]: 'h-1' })).status).toBe(200);
    const fields = async (answer: Promise<Answer>) => Object.keys((await answer).body.fieldErrors ?? {});
    expect(await fields(trading.place({ clientOrderId: 'h-2' }, { [KEY]: 'h-1' }))).toEqual(['clientOrderId']);
    expect(await fields(trading.place({}, { [KEY]: 'k'.repeat(65) }))).toEqual([KEY]);
    const batch = { orders: [trading.order()] };
    expect(await fields(trading.send('POST', '/api/orders/batch', batch, { [KEY]: 'h-1' }))).toEqual([KEY]);
  });

  it('a key that was refused is free', async () => {
    const wish = { strategy: 'free-keys', clientOrderId: 'f-1' };
    expect(outcome(await trading.place({ ...wish, price: '0.425' }))).toEqual([409, 'INVALID_TICK']);
    expect(outcome(await trading.place(wish))).toEqual([201, 'ADMITTED']);
  });
});

describe('refusals', () => {
  it.each<[string, object, string, object]>([
    ['a price between ticks', { price: '0.425' }, 'INVALID_TICK', { rule: 'tick', current: '0.425', limit: '0.01' }],
    ['too few shares', { quantity: '0.5' }, 'BELOW_MINIMUM_SIZE', { rule: 'minimumSize', current: '0.5', limit: '1' }],
    ['more than the cash', { quantity: '100000' }, 'INSUFFICIENT_CASH', { rule: 'cash', current: '42000' }],
    [
      'what is not held',
      { side: 'SELL', outcome: 'NO' },
      'INSUFFICIENT_POSITION',
      { rule: 'holding', current: '10', limit: '0' },
    ],
    ['a purchase that reduces', { reduceOnly: true }, 'REDUCE_ONLY_VIOLATION', { rule: 'reduceOnly', limit: '0' }],
    ['more than may be held', { quantity: 3_000_000 }, 'MAX_POSITION_EXCEEDED', { rule: 'position', scope: 'mode:paper' }], // prettier-ignore
  ])('409 for %s, with rule, current value and limit (G5); nothing is stored', async (_, wish, code, details) => {
    const before = await countOrders();
    const { status, body } = await trading.place({ strategy: 'refused', ...wish });
    expect([status, body.code, body['details']]).toMatchObject([409, code, details]);
    expect(Object.keys(body['details'] as object).toSorted()).toEqual(['current', 'limit', 'rule', 'scope']);
    expect(await countOrders()).toBe(before);
  });

  it('409 at a limit that was just set, and an event that says so', async () => {
    await setLimit('openOrders', 'strategy:busy', '1');
    await trading.admitted({ strategy: 'busy' });
    const { status, body } = await trading.place({ strategy: 'busy', price: '0.41' });
    const details = { rule: 'openOrders', scope: 'strategy:busy', current: '1', limit: '1' };
    expect([status, body.code, body['details']]).toEqual([409, 'MAX_OPEN_ORDERS_EXCEEDED', details]);
    const events = await trading.items<{ details: object }>('/api/events?event=order_rejected&limit=200');
    const told = { code: 'MAX_OPEN_ORDERS_EXCEEDED', strategy: 'busy', ...details };
    expect(events.map((event) => event.details)).toContainEqual(expect.objectContaining(told));
  });

  it('409 in a market that is paused', async () => {
    await trading.market('paused', { status: 'PAUSED' });
    const { body } = await trading.place({ market: 'paused' });
    expect([body.code, body['details']]).toMatchObject([
      'MARKET_CLOSED',
      { rule: 'marketStatus', scope: 'market:paused', current: 'PAUSED', limit: 'OPEN' },
    ]);
  });

  it('K7: a switch that halts refuses all, one that reduces refuses purchases; both name themselves', async () => {
    await trading.market('switched');
    const shut = { strategy: 'switched', market: 'switched', price: '0.45', quantity: '4' };
    await trading.trade('BUY', '4', '0.45', { strategy: 'switched', market: 'switched' });
    await stop({ scope: 'strategy:switched', level: 'reduce', reason: 'odd fills' });
    const refusedBy = async (level: string, order: object) => {
      const { status, body } = await trading.place({ ...shut, ...order });
      expect([status, body.code, body['killSwitch']]).toMatchObject([
        409,
        'KILL_SWITCH_ON',
        { scope: 'strategy:switched', enabled: true, level },
      ]);
    };
    await refusedBy('reduce', { side: 'BUY' });
    const tooMuch = await trading.place({ ...shut, side: 'SELL', quantity: '5' });
    expect(outcome(tooMuch)).toEqual([409, 'INSUFFICIENT_POSITION']);
    expect((await trading.place({ ...shut, side: 'SELL', quantity: '3' })).status).toBe(201);
    await stop({ scope: 'strategy:switched', level: 'halt' });
    await refusedBy('halt', { side: 'SELL', quantity: '1' });
  });

  it('503 while the venue cannot be reached or was not reconciled, and the same key is taken afterwards', async () => {
    const wish = { strategy: 'waiting', clientOrderId: 'w-1' };
    for (const state of ['UNREACHABLE', 'RESTARTING']) {
      await setVenue(state);
      const answer = await trading.place(wish);
      expect([outcome(answer), answer.headers.get('retry-after')]).toEqual([[503, 'RISK_STATE_UNAVAILABLE'], '1']);
    }
    await setVenue('CANCEL_ONLY');
    expect(outcome(await trading.place(wish))).toEqual([409, 'MARKET_CLOSED']);
    await trading.probe.query(`UPDATE venue_conditions SET state = 'OPEN', reconciled_at = NULL`);
    expect(outcome(await trading.place(wish))).toEqual([503, 'RISK_STATE_UNAVAILABLE']);
    await trading.probe.query(`UPDATE venue_conditions SET reconciled_at = now()`);
    expect(outcome(await trading.place(wish))).toEqual([201, 'ADMITTED']);
  });

  it('503 while the database is away, never 409; the same key makes one order afterwards', async () => {
    const wish = { strategy: 'lost', clientOrderId: 'l-1' };
    await trading.api.relay.become('cut');
    try {
      expect(outcome(await trading.place(wish))).toEqual([503, 'DATABASE_UNAVAILABLE']);
    } finally {
      await trading.api.relay.become('open');
    }
    await eventually('it is placed', async () => [200, 201].includes((await trading.place(wish)).status), 30_000);
    expect(await trading.items('/api/orders?strategy=lost')).toHaveLength(1);
  });
});

describe('POST /api/orders/batch', () => {
  const outcomeOf = ({ ok, code, replayed }: ToldResult) => (ok ? (replayed ? 'replayed' : 'placed') : code);

  it('judges in order, each over what the ones before have changed; each has its own result', async () => {
    await setLimit('openOrders', 'strategy:several', '3');
    await stop({ scope: 'strategy:several-halted' });
    const order = (more: object) => trading.order({ strategy: 'several', ...more });
    const results = await trading.batch([
      order({ clientOrderId: 'b-1' }),
      order({ price: '0.425' }),
      order({ price: undefined }),
      order({ clientOrderId: 'b-1' }),
      order({ clientOrderId: 'b-1', quantity: 11 }),
      order({ strategy: 'several-halted' }),
      'no order',
      order({ market: 'nowhere' }),
      order({ price: '0.41', extra: 1 }),
      order({ price: '0.41' }),
      order({ price: '0.40' }),
      order({ price: '0.39' }),
    ]);
    expect(results.map(outcomeOf)).toEqual([
      'placed',
      'INVALID_TICK',
      'VALIDATION_FAILED',
      'replayed',
      'IDEMPOTENCY_KEY_REUSED',
      'KILL_SWITCH_ON',
      'VALIDATION_FAILED',
      'VALIDATION_FAILED',
      'VALIDATION_FAILED',
      'placed',
      'placed',
      'MAX_OPEN_ORDERS_EXCEEDED',
    ]);
    const faults = results.map(({ fieldErrors }) => fieldErrors && Object.keys(fieldErrors));
    expect([faults[2], faults[6], faults[7], faults[8]]).toEqual([
      ['price'],
      ['body'],
      ['market', 'outcome'],
      ['extra'],
    ]);
    const [first, tick, , repeated, reused, halted] = results;
    expect(tick).toMatchObject({ message: expect.any(String), details: { rule: 'tick', current: '0.425' } });
    expect(repeated?.order?.orderId).toBe(first?.order?.orderId);
    expect(reused?.['orderId']).toBe(first?.order?.orderId);
    expect(halted?.['killSwitch']).toMatchObject({ scope: 'strategy:several-halted', level: 'halt' });
    expect(await trading.items('/api/orders?strategy=several')).toHaveLength(3);
  });

  it('takes 50, in the order in which they are sent', async () => {
    const orders = Array.from({ length: 50 }, (_, n) =>
      trading.order({ strategy: 'fifty', price: '0.01', clientOrderId: `n-${n}` }),
    );
    expect((await trading.batch(orders)).map(outcomeOf)).toEqual(orders.map(() => 'placed'));
    const ids = async () =>
      (await trading.items<ToldOrder>('/api/orders?strategy=fifty')).map((order) => order['clientOrderId']);
    expect(await ids()).toEqual(orders.map((_, n) => `n-${49 - n}`));
    expect((await trading.batch(orders)).map(outcomeOf)).toEqual(orders.map(() => 'replayed'));
  });

  it('tells each order of a venue that is out of reach so', async () => {
    await setVenue('UNREACHABLE');
    const [result, other] = await trading.batch([trading.order(), {}]);
    await setVenue('OPEN');
    expect([result?.code, other?.code]).toEqual(['RISK_STATE_UNAVAILABLE', 'VALIDATION_FAILED']);
  });

  it.each<[string, object, string]>([
    ['no list', {}, 'orders'],
    ['an empty list', { orders: [] }, 'orders'],
    ['51 orders', { orders: Array.from({ length: 51 }, () => ({})) }, 'orders'],
    ['an object', { orders: {} }, 'orders'],
    ['a field that is not known', { orders: [{}], atomic: true }, 'atomic'],
    ['a text that cannot be stored', { orders: [{ market: 'a\0b' }] }, 'orders.0.market'],
  ])('refuses %s as a whole', async (_, body, field) => {
    const answer = await trading.send('POST', '/api/orders/batch', body);
    expect([answer.status, Object.keys(answer.body.fieldErrors ?? {})]).toEqual([400, [field]]);
  });
});

describe('DELETE /api/orders/:id', () => {
  const cancel = (orderId: string) => trading.send('DELETE', `/api/orders/${orderId}`);
  const orderThatIs = async (...statuses: Parameters<TradingApi['lead']>[1][]) => {
    const { orderId } = await trading.admitted({ strategy: 'cancelling', price: '0.02' });
    await trading.lead(orderId, ...statuses);
    return orderId;
  };

  it('ends at once what was not sent, and frees what it reserved', async () => {
    const orderId = await orderThatIs();
    expect(await cancel(orderId)).toMatchObject({
      status: 202,
      body: { ok: true, order: { orderId, status: 'CANCELED', reason: 'CANCEL_REQUESTED', version: 2 } },
    });
    expect(await trading.items('/api/positions?strategy=cancelling&flat=true')).toMatchObject([{ workingBuy: '0' }]);
    const again = await cancel(orderId);
    expect([outcome(again), again.body['message']]).toEqual([
      [409, 'ORDER_ALREADY_FINISHED'],
      'The order has ended already: CANCELED.',
    ]);
  });

  it.each([
    ['SUBMITTED', ['SUBMITTED'], 'CANCEL_PENDING'],
    ['OPEN', ['SUBMITTED', 'OPEN'], 'CANCEL_PENDING'],
    ['PARTIALLY_FILLED', ['SUBMITTED', 'PARTIALLY_FILLED'], 'CANCEL_PENDING'],
    ['CANCEL_PENDING', ['SUBMITTED', 'CANCEL_PENDING'], 'CANCEL_PENDING'],
    ['UNKNOWN', ['SUBMITTED', 'UNKNOWN'], 'UNKNOWN'],
  ] as const)('202 for an order that is %s, also twice, and while a switch is on', async (_, statuses, then) => {
    const orderId = await orderThatIs(...statuses);
    expect(outcome(await cancel(orderId))).toEqual([202, then]);
    await stop({ scope: 'venue:paper' });
    try {
      expect(outcome(await cancel(orderId))).toEqual([202, then]);
    } finally {
      await stop({ scope: 'venue:paper', enabled: false });
    }
  });

  it.each([
    ['FILLED', ['SUBMITTED', 'FILLED']],
    ['REJECTED', ['SUBMITTED', 'REJECTED']],
    ['EXPIRED', ['EXPIRED']],
  ] as const)('409 for an order that is %s', async (status, statuses) => {
    const { body, ...answer } = await cancel(await orderThatIs(...statuses));
    expect([answer.status, body.code, body['message']]).toEqual([
      409,
      'ORDER_ALREADY_FINISHED',
      `The order has ended already: ${status}.`,
    ]);
  });

  it('knows the order by its id in capitals too', async () => {
    const orderId = await orderThatIs();
    expect(outcome(await cancel(orderId.toUpperCase()))).toEqual([202, 'CANCELED']);
    expect(outcome(await trading.api.get(`/api/orders/${orderId.toUpperCase()}`))).toEqual([200, 'CANCELED']);
  });

  it.each(['019a0000-0000-7000-8000-000000000000', 'none'])('404 for %s', async (id) => {
    expect(outcome(await cancel(id))).toEqual([404, 'NOT_FOUND']);
    expect(outcome(await trading.api.get(`/api/orders/${id}`))).toEqual([404, 'NOT_FOUND']);
  });
});

describe('GET /api/orders', () => {
  it('pages through all of them once, newest first, while new ones come', async () => {
    const placed: string[] = [];
    for (let n = 0; n < 7; n++) placed.unshift((await trading.admitted({ strategy: 'paged', price: '0.03' })).orderId);
    const seen: string[] = [];
    for (let cursor: string | null | undefined = ''; typeof cursor === 'string';) {
      const after: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const { body } = await trading.api.get(`/api/orders?strategy=paged&limit=3${after}`);
      seen.push(...(body.items as ToldOrder[]).map(({ orderId }) => orderId));
      cursor = body.nextCursor;
      await trading.admitted({ strategy: 'paged', price: '0.03' });
    }
    expect(seen).toEqual(placed);
  });

  it('filters by strategy, venue, market, statuses and run', async () => {
    await trading.market('sun');
    const [rain, sun, open] = [
      await trading.admitted({ strategy: 'sieve' }),
      await trading.admitted({ strategy: 'sieve', market: 'sun' }),
      await trading.admitted({ strategy: 'sieve', market: 'sun', price: '0.41' }),
    ];
    await trading.lead(open.orderId, 'SUBMITTED', 'OPEN');
    const runId = '019a0000-0000-7000-8000-000000000001';
    await trading.probe.query('UPDATE orders SET run_id = $1 WHERE id = $2', [runId, sun.orderId]);
    const found = async (query: string) =>
      (await trading.items<ToldOrder>(`/api/orders?strategy=sieve&${query}`)).map(({ orderId }) => orderId);
    expect(await found('venue=paper')).toEqual([open.orderId, sun.orderId, rain.orderId]);
    expect(await found('venue=other')).toEqual([]);
    expect(await found('market=sun')).toEqual([open.orderId, sun.orderId]);
    expect(await found('status=OPEN')).toEqual([open.orderId]);
    expect(await found('status=OPEN,ADMITTED&market=sun')).toEqual([open.orderId, sun.orderId]);
    expect(await found(`runId=${runId}`)).toEqual([sun.orderId]);
  });

  it.each([
    'status=open',
    'status=OPEN,',
    'status=',
    'venue=Paper',
    'market=',
    'runId=1',
    'limit=0',
    'limit=201',
    'cursor=x',
    'mode=paper',
    'market=a&market=b',
  ])('400 for ?%s', async (query) => {
    expect(outcome(await trading.api.get(`/api/orders?${query}`))).toEqual([400, 'VALIDATION_FAILED']);
  });
});
