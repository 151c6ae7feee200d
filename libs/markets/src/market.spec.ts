import { readMarkets } from './market.js';

const one = (entry: object) => readMarkets({ items: [{ market_id: 'm', ...entry }] })?.items[0];

describe('readMarkets', () => {
  it('maps every field', () => {
    const entry = {
      market_id: 'KXHIGHNY-26JAN08-T41',
      platform: 'kalshi',
      symbol: 'HIGHNY',
      status: 'open',
      category: 'weather',
      liquidity_bucket: 'high',
      trust_score: 0.75,
      as_of: '2026-01-08T20:00:00.123456Z',
    };
    expect(readMarkets({ items: [entry], total: 1 })).toEqual({
      items: [
        {
          id: 'KXHIGHNY-26JAN08-T41',
          symbol: 'HIGHNY',
          status: 'OPEN',
          category: 'weather',
          liquidityBucket: 'high',
          trustScore: 0.75,
          asOf: '2026-01-08T20:00:00.123456Z',
        },
      ],
      skipped: 0,
    });
  });

  it('makes what is missing null, and the symbol the id', () => {
    const nothing = { category: null, liquidityBucket: null, trustScore: null, asOf: null };
    expect(one({})).toEqual({ id: 'm', symbol: 'm', status: 'UNKNOWN', ...nothing });
  });

  it.each([
    [{ symbol: 'S', ticker: 'T' }, 'S'],
    [{ ticker: 'T' }, 'T'],
    [{ symbol: null, ticker: 'T' }, 'T'],
    [{ symbol: ' ', ticker: '' }, 'm'],
    [{ symbol: 7, ticker: ['T'] }, 'm'],
  ])('takes the symbol of %j to be %s', (entry, symbol) => {
    expect(one(entry)?.symbol).toBe(symbol);
  });

  it.each([
    ['OPEN', 'OPEN'],
    ['pAuSeD', 'PAUSED'],
    [' closed ', 'CLOSED'],
    ['settled', 'UNKNOWN'],
    ['UNKNOWN', 'UNKNOWN'],
    ['', 'UNKNOWN'],
    [null, 'UNKNOWN'],
    [1, 'UNKNOWN'],
    [{ toUpperCase: 'OPEN' }, 'UNKNOWN'],
  ])('takes the status %j for %s', (status, expected) => {
    expect(one({ status })?.status).toBe(expected);
  });

  it.each([
    [0, 0],
    [-1.5, -1.5],
    ['0.5', null],
    [true, null],
    [null, null],
    [[0.5], null],
    [JSON.parse('1e999'), null],
  ])('takes the trust score %j for %j', (score, expected) => {
    expect(one({ trust_score: score })?.trustScore).toBe(expected);
  });

  it.each([
    ['2026-01-08T20:00:00Z', '2026-01-08T20:00:00Z'],
    ['2026-01-08T20:00:00+00:00', '2026-01-08T20:00:00.000Z'],
    ['2026-01-08T20:00:00.123456+02:00', '2026-01-08T18:00:00.123Z'],
    ['2026-01-08T20:00:00', '2026-01-08T20:00:00.000Z'],
    ['2026-01-08 20:00', '2026-01-08T20:00:00.000Z'],
    ['2026-01-08', '2026-01-08T00:00:00.000Z'],
    ['2026-13-08T20:00:00Z', null],
    ['yesterday', null],
    ['', null],
    [1_767_902_400, null],
  ])('takes the time %j for %j', (time, expected) => {
    expect(one({ as_of: time })?.asOf).toBe(expected);
  });

  it('leaves out and counts what has no usable id', () => {
    const entries = [null, 7, 'm', [], {}, [{ market_id: 'm' }]];
    const ids = ['', '  ', 12_345, 0, null, true, ['m'], { id: 'm' }].map((id) => ({ market_id: id }));
    expect(readMarkets({ items: [...entries, { market_id: 'm' }, ...ids] })).toMatchObject({
      items: [{ id: 'm' }],
      skipped: entries.length + ids.length,
    });
  });

  it('is not led astray by names that every object has', () => {
    const body: unknown = JSON.parse('{"items":[{"__proto__":{"market_id":"x"}},{"market_id":"constructor"}]}');
    expect(readMarkets(body)).toMatchObject({ items: [{ id: 'constructor' }], skipped: 1 });
  });

  it.each([null, 1, 'items', [], {}, { items: null }, { items: {} }, { items: 'x' }, [{ market_id: 'm' }]])(
    'does not read %j',
    (body) => {
      expect(readMarkets(body)).toBeNull();
    },
  );
});
