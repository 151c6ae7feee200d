import * as fc from 'fast-check';
import { compare, decimal, formatDecimal, parseDecimal, subtract } from './decimal.js';

/** Whole hundred-millionths: what money here is made of. */
const units = fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n });

const textOf = (value: bigint): string => formatDecimal({ units: value, scale: 8 });

describe('decimals', () => {
  it('compare and subtract as whole numbers of the smallest unit do', () => {
    fc.assert(
      fc.property(units, units, (a, b) => {
        const order = a < b ? -1 : a > b ? 1 : 0;
        expect(compare(decimal(textOf(a)), decimal(textOf(b)))).toBe(order);
        expect(formatDecimal(subtract(decimal(textOf(a)), decimal(textOf(b))))).toBe(textOf(a - b));
      }),
    );
  });

  it('take every JSON number for exactly what it is written as', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Number(formatDecimal(decimal(value)))).toBe(value === 0 ? 0 : value);
      }),
    );
  });

  it.each([
    ['1000000.00000001', '1000000.00000001'],
    [1e-8, '0.00000001'],
    [1e21, '1000000000000000000000'],
    [0.1, '0.1'],
    ['0.50', '0.5'],
    ['-0.25', '-0.25'],
    ['-0', '0'],
    ['100', '100'],
  ])('write %p as %s', (value, text) => {
    expect(formatDecimal(decimal(value))).toBe(text);
  });

  it.each(['NaN', 'Infinity', '-Infinity', '', ' 1', '1,5', '0x10', '1e9999', 'null', Number.NaN])(
    'G4 refuse %p',
    (value) => {
      expect(parseDecimal(value)).toBeNull();
      expect(() => decimal(value)).toThrow(RangeError);
    },
  );
});
