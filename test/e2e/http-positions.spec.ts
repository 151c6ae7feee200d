import type { Answer } from '../support/test-api.js';
import { TradingApi } from '../support/trading-api.js';

let trading: TradingApi;
beforeAll(async () => {
  trading = await TradingApi.start({ RISK_DAY_TIMEZONE: 'Europe/Berlin' });
});
afterAll(() => trading.close());

type Fields = Record<string, unknown>;
const refusal = ({ status, body }: Answer) => [status, body.code, Object.keys(body.fieldErrors ?? {})];
const fills = (query: string) => trading.items<Fields>(`/api/fills?${query}`);
const positions = (query: string) => trading.items<Fields>(`/api/positions?${query}`);

describe('GET /api/fills', () => {
  it('tells what was filled, amounts as plain decimal text', async () => {
    const { orderId } = await trading.trade('BUY', '10.50', '0.4', { strategy: 'filled', fee: '0.1230' });
    const [fill] = await fills('strategy=filled');
    expect(fill).toEqual({
      fillId: expect.any(String),
      orderId,
      strategy: 'filled',
      venue: 'paper',
      venueTradeId: expect.any(String),
      market: 'rain',
      outcome: 'YES',
      side: 'BUY',
      price: '0.4',
      quantity: '10.5',
      fee: '0.123',
      liquidity: 'TAKER',
      finality: 'FINAL',
      realizedPnl: '0',
      executedAt: expect.any(String),
      bookedAt: expect.any(String),
    });
    await trading.trade('SELL', '1.5', '0.3', { strategy: 'filled' });
    expect(await fills('strategy=filled&limit=1')).toMatchObject([{ side: 'SELL', realizedPnl: '-0.15' }]);
  });

  it('pages, and filters by strategy, venue, market, order, run and finality', async () => {
    await trading.market('fog');
    const rain = await trading.trade('BUY', '1', '0.4', { strategy: 'sieve' });
    const fog = await trading.trade('BUY', '2', '0.4', { strategy: 'sieve', market: 'fog' });
    const runId = '019a0000-0000-7000-8000-000000000001';
    await trading.probe.query('UPDATE orders SET run_id = $1 WHERE id = $2', [runId, fog.orderId]);
    await trading.probe.query(`UPDATE fills SET finality = 'PROVISIONAL' WHERE order_id = $1`, [rain.orderId]);
    const found = async (query: string) => (await fills(`strategy=sieve&${query}`)).map((fill) => fill['orderId']);
    expect(await found('venue=paper')).toEqual([fog.orderId, rain.orderId]);
    expect(await found('venue=other')).toEqual([]);
    expect(await found('market=fog')).toEqual([fog.orderId]);
    expect(await found(`orderId=${rain.orderId}`)).toEqual([rain.orderId]);
    expect(await found(`runId=${runId}`)).toEqual([fog.orderId]);
    expect(await found(`runId=${runId}&orderId=${rain.orderId}`)).toEqual([]);
    expect(await found('status=PROVISIONAL')).toEqual([rain.orderId]);
    expect(await found('status=PROVISIONAL,FINAL')).toEqual([fog.orderId, rain.orderId]);
    const { body } = await trading.api.get('/api/fills?strategy=sieve&limit=1');
    expect(await found(`cursor=${body.nextCursor}`)).toEqual([rain.orderId]);
  });

  it.each(['status=OPEN', 'orderId=1', 'runId=x', 'market=', 'cursor=x', 'side=BUY'])('400 for ?%s', async (query) => {
    expect(refusal(await trading.api.get(`/api/fills?${query}`)).slice(0, 2)).toEqual([400, 'VALIDATION_FAILED']);
  });
});

describe('GET /api/positions', () => {
  it('tells cost, average, result, working orders, and what it is worth at the best bid', async () => {
    await trading.market('held', { books: { YES: { bids: [['0.47', 5], ['0.46', 5]], asks: [['0.5', 5]] } } }); // prettier-ignore
    const held = { strategy: 'holder', market: 'held' };
    await trading.trade('BUY', '100', '0.6', held);
    await trading.trade('SELL', '40', '0.45', { ...held, fee: '0.25' });
    await trading.admitted({ ...held, price: '0.30', quantity: '7.5' });
    await trading.admitted({ ...held, side: 'SELL', price: '0.70', quantity: '12' });
    expect(await positions('strategy=holder')).toEqual([
      {
        strategy: 'holder',
        venue: 'paper',
        market: 'held',
        outcome: 'YES',
        quantity: '60',
        costBasis: '36',
        averagePrice: '0.6',
        realizedPnl: '-6',
        fees: '0.25',
        workingBuy: '7.5',
        workingSell: '12',
        markPrice: '0.47',
        unrealizedPnl: '-7.8',
        updatedAt: expect.any(String),
      },
    ]);
  });

  it('rounds half to even at 8 decimals, and exactly', async () => {
    const odd = { strategy: 'rounder', market: 'odd' };
    await trading.market('odd', { tick: '0.00000001' });
    await trading.trade('BUY', '3', '0.33333333', odd);
    await trading.trade('BUY', '4', '0.5', odd);
    await trading.market('odd', { tick: '0.00000001', books: { YES: { bids: [['0.12345678', 5]], asks: [] } } });
    // 2.99999999 / 7 = 0.428571427…; 7 · 0.12345678 − 2.99999999
    const shown = { quantity: '7', costBasis: '2.99999999', averagePrice: '0.42857143', unrealizedPnl: '-2.13580253' };
    expect(await positions('strategy=rounder')).toMatchObject([shown]);
    const half = { strategy: 'halved', market: 'odd' };
    await trading.trade('BUY', '1.5', '0.2', half);
    await trading.market('odd', { tick: '0.00000001', books: { YES: { bids: [['0.30000001', 5]], asks: [] } } });
    // 1.5 · 0.30000001 − 0.3 = 0.150000015: the even neighbour is above
    expect(await positions('strategy=halved')).toMatchObject([{ unrealizedPnl: '0.15000002' }]);
    await trading.market('odd', { tick: '0.00000001', books: { YES: { bids: [['0.30000003', 5]], asks: [] } } });
    // 0.150000045: the even neighbour is below
    expect(await positions('strategy=halved')).toMatchObject([{ unrealizedPnl: '0.15000004' }]);
  });

  it('has no mark where nobody bids', async () => {
    await trading.market('silent');
    await trading.trade('BUY', '5', '0.5', { strategy: 'unmarked', market: 'silent' });
    await trading.market('silent', { books: {} });
    expect(await positions('strategy=unmarked')).toMatchObject([{ markPrice: null, unrealizedPnl: null }]);
  });

  it('tells flat ones only when asked', async () => {
    await trading.trade('BUY', '5', '0.5', { strategy: 'flat' });
    await trading.trade('SELL', '5', '0.6', { strategy: 'flat' });
    const flat = { quantity: '0', costBasis: '0', averagePrice: null, realizedPnl: '0.5', unrealizedPnl: '0' };
    expect(await positions('strategy=flat')).toEqual([]);
    expect(await positions('strategy=flat&flat=false')).toEqual([]);
    expect(await positions('strategy=flat&flat=true')).toMatchObject([flat]);
  });

  it('pages through all of them once, in the order of their keys', async () => {
    const names = ['p-a', 'p-b', 'p-c', 'p-d', 'p-e'];
    await Promise.all(names.map((name) => trading.market(name)));
    for (const market of names) await trading.trade('BUY', '1', '0.4', { strategy: 'paged', market });
    for (const market of names) await trading.trade('BUY', '1', '0.4', { strategy: 'paged', market, outcome: 'NO' });
    const seen: string[] = [];
    for (let cursor: string | null | undefined = ''; typeof cursor === 'string';) {
      const after: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const { body } = await trading.api.get(`/api/positions?strategy=paged&limit=3${after}`);
      seen.push(...(body.items as Fields[]).map(({ market, outcome }) => `${String(market)} ${String(outcome)}`));
      cursor = body.nextCursor;
    }
    expect(seen).toEqual(names.flatMap((name) => [`${name} NO`, `${name} YES`]));
    expect(await positions('strategy=paged&market=p-c')).toHaveLength(2);
    expect(await positions('venue=other')).toEqual([]);
  });

  it.each([
    'flat=1',
    'flat=',
    'limit=0',
    'limit=201',
    'cursor=x',
    'cursor=WyJhIl0',
    'status=OPEN',
    'strategy=A',
    `cursor=${Buffer.from('["a","b","c","d",5]').toString('base64url')}`,
    `cursor=${Buffer.from('[ "a","b","c","d","e"]').toString('base64url')}`,
  ])('400 for ?%s', async (query) => {
    expect(refusal(await trading.api.get(`/api/positions?${query}`)).slice(0, 2)).toEqual([400, 'VALIDATION_FAILED']);
  });
});

describe('GET /api/pnl', () => {
  /** Books results as if they had been booked at these instants. */
  const booked = async (strategy: string, at: string, realized: string, fees: string, mode = 'paper') =>
    trading.probe.query(
      `INSERT INTO daily_results AS d (mode, day, strategy, realized, fees, loss)
       VALUES ($1, risk_day_of($2), $3, $4::numeric, $5::numeric, greatest($5::numeric - $4::numeric, 0))
       ON CONFLICT (mode, day, strategy) DO UPDATE
         SET realized = d.realized + excluded.realized, fees = d.fees + excluded.fees, loss = d.loss + excluded.loss`,
      [mode, at, strategy, realized, fees],
    );
  const today = async () =>
    (await trading.probe.query(`SELECT risk_day_of(clock_timestamp())::text AS day`)).rows[0].day;
  const pnl = async (query: string) => {
    const { status, body } = await trading.api.get(`/api/pnl?${query}`);
    expect(status).toBe(200);
    return body as Fields;
  };

  it('sums exactly these days, where clocks are changed too', async () => {
    const zone = 'Europe/Berlin';
    // In Berlin the 29th of March 2026 has 23 hours, from 23:00Z to 22:00Z, and the 25th of October 25, from 22:00Z to 23:00Z.
    await booked('clocks', '2026-03-28T22:59:59.999Z', '-1.50', '0.10');
    await booked('clocks', '2026-03-28T23:00:00Z', '2.00', '0.20');
    await booked('clocks', '2026-03-29T21:59:59.999Z', '-4', '0');
    await booked('clocks', '2026-03-29T22:00:00Z', '8', '0.4');
    await booked('clocks', '2026-10-24T22:00:00Z', '16', '0');
    await booked('clocks', '2026-10-25T22:59:59.999Z', '-32', '0.8');
    await booked('clocks', '2026-10-25T23:00:00Z', '64', '0');
    const spring = { day: '2026-03-29', realized: '-2', fees: '0.2', net: '-2.2', loss: '4' };
    const period = { from: '2026-03-29', to: '2026-03-29' };
    expect(await pnl('strategy=clocks&from=2026-03-29&to=2026-03-29')).toEqual({
      ok: true,
      timezone: zone,
      ...period,
      mode: null,
      unrealized: '0',
      realized: '-2',
      fees: '0.2',
      net: '-2.2',
      days: [spring],
    });
    const autumn = await pnl('strategy=clocks&from=2026-10-25&to=2026-10-25');
    expect(autumn).toMatchObject({ net: '-16.8', days: [{ day: '2026-10-25', realized: '-16', loss: '32.8' }] });
    const both = await pnl('strategy=clocks&from=2026-03-28&to=2026-10-26');
    expect((both['days'] as Fields[]).map(({ day }) => day)).toEqual([
      '2026-03-28',
      '2026-03-29',
      '2026-03-30',
      '2026-10-25',
      '2026-10-26',
    ]);
    expect(both).toMatchObject({ realized: '52.5', fees: '1.5', net: '51' });
    // Where clocks are put forward, 30 days are still 30 dates.
    expect(await pnl('strategy=clocks&to=2026-04-10')).toMatchObject({
      from: '2026-03-12',
      to: '2026-04-10',
      net: '3.8',
    });
  });

  it('tells today unless told otherwise, and the 29 days before', async () => {
    const before = await today();
    await trading.trade('BUY', '10', '0.5', { strategy: 'daily' });
    await trading.trade('SELL', '10', '0.4', { strategy: 'daily', fee: '0.2' });
    const told = await pnl('strategy=daily');
    expect([before, await today()]).toContain(told['to']);
    expect(Date.parse(String(told['to'])) - Date.parse(String(told['from']))).toBe(29 * 86_400_000);
    expect(told).toMatchObject({ realized: '-1', fees: '0.2', net: '-1.2', unrealized: '0' });
    const last = (told['days'] as Fields[]).at(-1);
    expect(last).toMatchObject({ realized: '-1', fees: '0.2', net: '-1.2', loss: '1.2' });
    expect(await pnl('strategy=daily&to=2020-01-01')).toMatchObject({ net: '0', days: [], from: '2019-12-03' });
  });

  it('values what is held now at the best bids; nothing when something has none', async () => {
    await trading.market('valued', { books: { YES: { bids: [['0.45', 5]], asks: [] } } });
    await trading.trade('BUY', '10', '0.40', { strategy: 'valued', market: 'valued' });
    expect(await pnl('strategy=valued&to=2020-01-01')).toMatchObject({ net: '0', unrealized: '0.5' });
    await trading.trade('BUY', '10', '0.40', { strategy: 'valued', market: 'valued', outcome: 'NO' });
    expect(await pnl('strategy=valued')).toMatchObject({ unrealized: null });
    await trading.trade('SELL', '10', '0.40', { strategy: 'valued', market: 'valued', outcome: 'NO' });
    expect(await pnl('strategy=valued')).toMatchObject({ unrealized: '0.5' });
  });

  it('G0: tells modes apart when asked, and strategies', async () => {
    for (const mode of ['paper', 'live']) await booked('apart', '2026-05-01T12:00:00Z', '-5', '1', mode);
    await booked('apart-too', '2026-05-01T12:00:00Z', '7', '0', 'live');
    const day = 'from=2026-05-01&to=2026-05-01';
    expect(await pnl(day)).toMatchObject({ mode: null, net: '-5', days: [{ net: '-5', loss: '12' }] });
    expect(await pnl(`${day}&mode=live`)).toMatchObject({ mode: 'live', net: '1', days: [{ net: '1', loss: '6' }] });
    expect(await pnl(`${day}&strategy=apart`)).toMatchObject({ net: '-12' });
    expect(await pnl(`${day}&mode=mock`)).toMatchObject({ net: '0', unrealized: '0', days: [] });
  });

  it.each([
    ['from=2026-02-30', 'from'],
    ['from=2026-3-1', 'from'],
    ['from=2026-03-01T00:00:00Z', 'from'],
    ['to=today', 'to'],
    ['to=', 'to'],
    ['to=1969-12-31', 'to'],
    ['from=2026-03-02&to=2026-03-01', 'from'],
    ['from=9999-12-31', 'from'],
    ['mode=real', 'mode'],
    ['strategy=A', 'strategy'],
    ['timezone=UTC', 'timezone'],
  ])('400 for ?%s', async (query, field) => {
    expect(refusal(await trading.api.get(`/api/pnl?${query}`))).toEqual([400, 'VALIDATION_FAILED', [field]]);
  });
});
