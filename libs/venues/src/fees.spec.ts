import * as fc from 'fast-check';
import { amountText, decimalOf } from '@interlock/persistence';
import { highestFee, TakerFees } from './fees.js';
import type { FeeSchedule } from './port/venue.types.js';

const polymarket = (feeRate: string, feeExponent = 1): FeeSchedule => ({ rules: 'polymarket', feeRate, feeExponent });
const kalshi: FeeSchedule = { rules: 'kalshi', feeRate: '0', feeExponent: 1 };
const free: FeeSchedule = { rules: 'free', feeRate: '0.5', feeExponent: 1 };

function feesOf(schedule: FeeSchedule, ...fills: [price: string, quantity: string][]): string[] {
  const fees = new TakerFees(schedule);
  return fills.map(([price, quantity]) => amountText(fees.of(decimalOf(price), decimalOf(quantity))));
}

describe('taker fees', () => {
  it('polymarket: quantity · rate · (p(1 − p))^exponent per fill, floored at 5 decimals', () => {
    expect(feesOf(polymarket('0.25', 2), ['0.5', '100'], ['0.3', '10.5'])).toEqual(['1.5625', '0.11576']);
    expect(feesOf(polymarket('0.0175'), ['0.01', '0.01'])).toEqual(['0']);
    expect(feesOf(polymarket('0.03', 0.5), ['0.2', '100'])).toEqual(['1.2']);
    expect(feesOf(polymarket('0'), ['0.5', '100'])).toEqual(['0']);
  });

  it('kalshi: 0.07 · C · P · (1 − P) over all fills of an order, rounded up to the cent once', () => {
    expect(feesOf(kalshi, ['0.5', '100'])).toEqual(['1.75']);
    expect(feesOf(kalshi, ['0.5', '1'])).toEqual(['0.02']);
    expect(feesOf(kalshi, ['0.5', '0.1'], ['0.5', '0.1'], ['0.5', '1'])).toEqual(['0.01', '0', '0.02']);
    expect(feesOf(kalshi, ['0.99', '100'])).toEqual(['0.07']);
  });

  it('free: nothing', () => {
    expect(feesOf(free, ['0.5', '1000000'])).toEqual(['0']);
  });
});

describe('the highest fee of an order', () => {
  it('is that of the price nearest to a half that it can reach', () => {
    const order = { price: '0.3', quantity: '100' };
    expect(highestFee(kalshi, { ...order, side: 'BUY' })).toBe('1.47');
    expect(highestFee(kalshi, { ...order, side: 'SELL' })).toBe('1.75');
    expect(highestFee(kalshi, { side: 'BUY', price: null, quantity: '100' })).toBe('1.75');
    expect(highestFee(kalshi, { side: 'SELL', price: '0.9', quantity: '100' })).toBe('0.63');
  });

  it('is never below what fills within the limit are charged', () => {
    const price = fc.integer({ min: 1, max: 9_999 }).map((n) => decimalOf(n).div(10_000));
    const quantity = fc.integer({ min: 1, max: 10_000_000 }).map((n) => decimalOf(n).div(100));
    const fills = fc.array(fc.tuple(price, quantity), { minLength: 1, maxLength: 6 });
    const schedule = fc.oneof(
      fc.constant(kalshi),
      fc.record({
        rules: fc.constant('polymarket' as const),
        feeRate: fc.integer({ min: 0, max: 1_000 }).map((n) => amountText(decimalOf(n).div(1_000))),
        feeExponent: fc.constantFrom(0, 0.5, 1, 2),
      }),
    );
    fc.assert(
      fc.property(schedule, fills, fc.constantFrom('BUY' as const, 'SELL' as const), (given, parts, side) => {
        const fees = new TakerFees(given);
        const charged = parts.reduce((sum, [p, q]) => sum.plus(fees.of(p, q)), decimalOf(0));
        const prices = parts.map(([p]) => p.toNumber());
        const limit = side === 'BUY' ? Math.max(...prices) : Math.min(...prices);
        const total = parts.reduce((sum, [, q]) => sum.plus(q), decimalOf(0));
        const highest = highestFee(given, { side, price: String(limit), quantity: amountText(total) });
        expect(charged.lte(highest)).toBe(true);
      }),
    );
  });
});
