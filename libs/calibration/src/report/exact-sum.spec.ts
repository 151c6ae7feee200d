import * as fc from 'fast-check';
import { ExactSum } from './exact-sum.js';

function sumOf(values: readonly number[]): number {
  const sum = new ExactSum();
  for (const value of values) sum.add(value);
  return sum.total();
}

/** The true sum rounded once, by whole-number arithmetic: every double is a multiple of 2^-1074. */
function trueSum(values: readonly number[]): number {
  const total = values.reduce((sum, value) => sum + inSmallestSteps(value), 0n);
  const magnitude = total < 0n ? -total : total;
  const excessBits = Math.max(0, magnitude.toString(2).length - 53);
  const unit = 1n << BigInt(excessBits);
  const [quotient, remainder] = [magnitude / unit, (magnitude % unit) * 2n];
  const roundsUp = remainder > unit || (remainder === unit && quotient % 2n === 1n);
  const rounded = Number(quotient + (roundsUp ? 1n : 0n));
  // In two steps, since 2^-1074 times a power of two above 2^1023 would overflow on the way.
  const scaled = excessBits > 500 ? rounded * 2 ** (excessBits - 1074) : rounded * 2 ** excessBits * 2 ** -1074;
  return total < 0n ? -scaled : scaled;
}

function inSmallestSteps(value: number): bigint {
  let shifted = value;
  let shifts = 0;
  while (!Number.isInteger(shifted)) {
    shifted *= 2;
    shifts += 1;
  }
  return BigInt(shifted) << BigInt(1074 - shifts);
}

const addend = fc.double({ min: -64, max: 64, maxExcluded: true, minExcluded: true, noNaN: true });

describe('ExactSum', () => {
  it('is zero when nothing was added', () => {
    expect(new ExactSum().total()).toBe(0);
  });

  it('gives the true sum, rounded once', () => {
    fc.assert(
      fc.property(fc.array(addend, { maxLength: 200 }), (values) => {
        expect(sumOf(values) + 0).toBe(trueSum(values) + 0);
      }),
    );
  });

  it.each([
    { values: Array.from({ length: 10 }, () => 0.1), sum: 1 },
    { values: [1, 1e-16, -1], sum: 1e-16 },
    { values: [1, 2 ** -53], sum: 1 },
    { values: [1, 2 ** -53, 2 ** -1074], sum: 1 + 2 ** -52 },
    { values: [1, -(2 ** -54), -(2 ** -1074)], sum: 1 - 2 ** -53 },
    { values: [Number.MIN_VALUE, Number.MIN_VALUE], sum: 2 * Number.MIN_VALUE },
  ])('adds $values to $sum', ({ values, sum }) => {
    expect(sumOf(values)).toBe(sum);
  });

  it('does not depend on the order, nor on how the addends are split and merged', () => {
    fc.assert(
      fc.property(fc.array(addend, { maxLength: 100 }), fc.array(addend, { maxLength: 100 }), (some, others) => {
        const merged = new ExactSum();
        for (const values of [others, some]) {
          const part = new ExactSum();
          for (const value of values) part.add(value);
          merged.merge(part);
        }
        expect(merged.total()).toBe(sumOf([...some, ...others].toReversed()));
      }),
    );
  });

  it.each([NaN, Infinity, -Infinity])('refuses %s', (value) => {
    expect(() => new ExactSum().add(value)).toThrow(RangeError);
  });
});
