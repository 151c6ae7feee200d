import * as fc from 'fast-check';
import { admissionRate } from './admission-rate.js';
import { dailyLoss } from './daily-loss.js';
import { formatDecimal } from './decimal.js';
import { maximumPosition } from './maximum-position.js';

const units = fc.bigInt({ min: 0n, max: 10n ** 20n });
const amountOf = (value: bigint): string => formatDecimal({ units: value, scale: 8 });

describe('maximum position', () => {
  it('allows up to and including the limit', () => {
    fc.assert(
      fc.property(units, units, (wanted, limit) => {
        expect(maximumPosition(amountOf(wanted), amountOf(limit), 'mode:live') === undefined).toBe(wanted <= limit);
      }),
    );
  });

  it('G5 refuses above it with rule, current value and limit', () => {
    expect(maximumPosition(1_000_000.00000001, 1_000_000, 'mode:live')).toEqual({
      code: 'MAX_POSITION_EXCEEDED',
      message: 'maxPosition 1000000.00000001 is above the limit of 1000000',
      details: { rule: 'position', scope: 'mode:live', current: '1000000.00000001', limit: '1000000' },
    });
  });
});

describe('daily loss', () => {
  it('blocks from the limit on, and always where the limit is 0', () => {
    fc.assert(
      fc.property(units, units, (loss, limit) => {
        expect(dailyLoss(amountOf(loss), amountOf(limit), 'mode:live') === undefined).toBe(loss < limit);
      }),
    );
    expect(dailyLoss('0', '0', 'mode:live')).toBeDefined();
  });

  it('is not fooled by sums that floats get wrong', () => {
    expect(0.1 + 0.2 > 0.3).toBe(true);
    expect(dailyLoss('0.29999999', '0.3', 'mode:mock')).toBeUndefined();
    expect(dailyLoss('0.30000000', '0.3', 'mode:mock')).toMatchObject({
      code: 'RISK_LIMIT_EXCEEDED',
      details: { rule: 'dailyLoss', scope: 'mode:mock', current: '0.3', limit: '0.3' },
    });
  });

  it('G4 throws rather than let through what is no number', () => {
    expect(() => dailyLoss('NaN', '1', 'mode:mock')).toThrow(RangeError);
    expect(() => maximumPosition(Number.POSITIVE_INFINITY, 1, 'mode:mock')).toThrow(RangeError);
  });
});

describe('admission rates', () => {
  it('block from the limit on, and always where the limit is 0', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (current, limit) => {
        expect(admissionRate('orderRate', current, limit, 'mode:paper') === undefined).toBe(current < limit);
      }),
    );
    expect(admissionRate('startRate', 0, 0, 'mode:paper')).toEqual({
      code: 'ORDER_RATE_LIMIT_EXCEEDED',
      message: '0 starts in mode:paper within 60 seconds, which reaches the limit of 0',
      details: { rule: 'startRate', scope: 'mode:paper', current: '0', limit: '0' },
    });
  });
});
