import * as fc from 'fast-check';
import {
  amount,
  amountText,
  decimalOf,
  plainAmount,
  power,
  roundedDown,
  roundedHalfEven,
  roundedUp,
} from './amount.js';

const SCALE = 10n ** 8n;
const units = fc.bigInt({ min: -(10n ** 22n), max: 10n ** 22n });

/** Whole hundred-millionths as decimal text, by integers alone. */
function textOf(value: bigint): string {
  const digits = (value < 0n ? -value : value).toString().padStart(9, '0');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -8)}.${digits.slice(-8)}`;
}

/** Half-even division of integers: the reference. */
function halfEven(numerator: bigint, denominator: bigint): bigint {
  const floor = numerator / denominator - (numerator % denominator < 0n ? 1n : 0n);
  const twice = 2n * (numerator - floor * denominator);
  if (twice !== denominator) return twice > denominator ? floor + 1n : floor;
  return floor % 2n === 0n ? floor : floor + 1n;
}

describe('amounts', () => {
  it('add and subtract as whole numbers of the smallest unit do', () => {
    fc.assert(
      fc.property(units, units, (a, b) => {
        expect(
          amount(textOf(a))
            .plus(amount(textOf(b)))
            .eq(amount(textOf(a + b))),
        ).toBe(true);
      }),
    );
  });

  it('round products and quotients half-even, exactly', () => {
    fc.assert(
      fc.property(units, units, fc.bigInt({ min: 1n, max: 10n ** 22n }), (a, b, c) => {
        const product = amount(textOf(a)).times(amount(textOf(b)));
        expect(roundedHalfEven(product).eq(amount(textOf(halfEven(a * b, SCALE))))).toBe(true);
        expect(roundedHalfEven(product.div(amount(textOf(c)))).eq(amount(textOf(halfEven(a * b, c))))).toBe(true);
      }),
    );
    expect(amountText(roundedHalfEven(amount('0.5').times(amount('0.00000001'))))).toBe('0');
    expect(amountText(roundedHalfEven(amount('1.5').times(amount('0.00000001'))))).toBe('0.00000002');
  });

  it('reserve no less than is owed', () => {
    expect(amountText(roundedUp(amount('0.1').times(amount('0.00000001'))))).toBe('0.00000001');
  });

  it('round away from zero or towards it to as many decimals as a fee has', () => {
    expect(amountText(roundedUp(amount('0.001'), 2))).toBe('0.01');
    expect(amountText(roundedDown(amount('0.00001999'), 5))).toBe('0.00001');
  });

  it('raise to whole and broken powers', () => {
    expect(amountText(power(amount('0.21'), 2))).toBe('0.0441');
    expect(amountText(power(amount('0.25'), 1.5))).toBe('0.125');
    expect(amountText(roundedDown(power(amount('0.21'), 0.5), 8))).toBe('0.45825756');
  });

  it.each([
    [0.1, '0.1'],
    ['1e-9', '0.000000001'],
    [1e-7, '0.0000001'],
    ['0.123456789', '0.123456789'],
  ])('take %p from outside for %s, which is to be looked at', (given, shown) => {
    expect(amountText(decimalOf(given))).toBe(shown);
  });

  it.each([
    ['0.50', '0.5'],
    ['100', '100'],
    ['-0', '0'],
    ['0.00000001', '0.00000001'],
    ['123456789012345678901.5', '123456789012345678901.5'],
  ])('show %s as %s', (stored, shown) => {
    expect(plainAmount(stored)).toBe(shown);
  });

  it.each(['', 'NaN', 'Infinity', '1e3', '0x10', ' 1', '1,5', '0.000000001', '.5'])('refuse %p', (text) => {
    expect(() => amount(text)).toThrow(RangeError);
  });
});
