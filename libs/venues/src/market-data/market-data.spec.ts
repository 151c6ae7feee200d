import * as fc from 'fast-check';
import { InvalidRecording, readSeries, RecordedMarketData } from './recorded-series.js';
import { syntheticBooks } from './synthetic-book.js';

const RULES = { spread: '0.02', depth: '100', levels: 2, tick: '0.01' };

describe('a synthetic book', () => {
  it('stands around the price of YES with its spread and depth, and mirrored for NO', () => {
    expect(syntheticBooks('0.4', RULES)).toEqual({
      YES: { bids: [['0.39', '100'], ['0.38', '100']], asks: [['0.41', '100'], ['0.42', '100']] }, // prettier-ignore
      NO: { bids: [['0.59', '100'], ['0.58', '100']], asks: [['0.61', '100'], ['0.62', '100']] }, // prettier-ignore
    });
  });

  it('is rounded away from the price', () => {
    const { YES } = syntheticBooks('0.4051', RULES);
    expect([YES.bids[0]?.[0], YES.asks[0]?.[0]]).toEqual(['0.39', '0.42']);
  });

  it.each(['0', '0.0005', '0.9995', '1'])('leaves out what is no price, around %s', (price) => {
    const { YES, NO } = syntheticBooks(price, RULES);
    const prices = [YES, NO].flatMap(({ bids, asks }) => [...bids, ...asks]).map(([level]) => Number(level));
    expect(prices.length).toBeGreaterThan(0);
    expect(prices.every((level) => level > 0 && level < 1)).toBe(true);
  });

  it('is never crossed, and its prices are on the tick', () => {
    const price = fc.integer({ min: 0, max: 10_000 }).map((n) => String(n / 10_000));
    const spread = fc.integer({ min: 0, max: 100 }).map((n) => String(n / 1_000));
    fc.assert(
      fc.property(price, spread, fc.constantFrom('0.01', '0.001'), (at, wide, tick) => {
        for (const { bids, asks } of Object.values(syntheticBooks(at, { ...RULES, spread: wide, tick }))) {
          const [bid, ask] = [Number(bids[0]?.[0] ?? 0), Number(asks[0]?.[0] ?? 1)];
          expect(ask - bid).toBeGreaterThanOrEqual(Math.min(Number(wide), 1 - bid, ask) - 1e-9);
          expect(ask).toBeGreaterThan(bid);
          for (const [level] of [...bids, ...asks]) expect(Number(level) / Number(tick)).toBeCloseTo(Math.round(Number(level) / Number(tick)), 6); // prettier-ignore
        }
      }),
    );
  });
});

describe('a recording', () => {
  const signal = new AbortController().signal;
  const collect = async (source: RecordedMarketData, by = signal) => {
    const seen: string[] = [];
    for await (const { step, steps, updates } of source.play(by)) {
      seen.push(`${step}/${steps} ${updates.map(({ market }) => market).join(' ')}`);
    }
    return seen;
  };

  it('plays every price of every market, in order', async () => {
    const series = readSeries(JSON.stringify([{ market_id: 'a', prices: [0.1, 0.2], question: '?' }, { market_id: 'b', prices: [0.5] }])); // prettier-ignore
    expect(await collect(new RecordedMarketData(series, RULES, 0))).toEqual(['1/2 a b', '2/2 a']);
  });

  it('keeps its pace', async () => {
    const begin = performance.now();
    await collect(new RecordedMarketData([{ market: 'a', prices: [0.1, 0.2, 0.3] }], RULES, 50));
    expect(performance.now() - begin).toBeGreaterThanOrEqual(99);
  });

  it('stops when it is told to, also while it waits', async () => {
    const stop = new AbortController();
    const playing = collect(new RecordedMarketData([{ market: 'a', prices: [0.1, 0.2] }], RULES, 60_000), stop.signal);
    stop.abort(new Error('enough'));
    await expect(playing).rejects.toThrow('enough');
  });

  it.each([
    ['no JSON', '{'],
    ['no list', '{}'],
    ['an empty list', '[]'],
    ['a market without prices', '[{"market_id":"a","prices":[]}]'],
    ['a price above 1', '[{"market_id":"a","prices":[1.1]}]'],
    ['an id with a blank', '[{"market_id":"a b","prices":[0.1]}]'],
    ['a market twice', '[{"market_id":"a","prices":[0.1]},{"market_id":"a","prices":[0.1]}]'],
  ])('is refused with %s', (_, text) => {
    expect(() => readSeries(text)).toThrow(InvalidRecording);
  });
});
