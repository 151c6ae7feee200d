import { maximumPosition } from './maximum-position.js';

describe('maximum position', () => {
  it('allows up to and including the limit', () => {
    expect(maximumPosition(999_999.99999999, 1_000_000)).toBeUndefined();
    expect(maximumPosition(1_000_000, 1_000_000)).toBeUndefined();
  });

  it('G5 refuses above it with rule, current value and limit', () => {
    expect(maximumPosition(1_000_000.00000001, 1_000_000)?.details).toEqual({
      rule: 'position',
      scope: 'global',
      current: '1000000.00000001',
      limit: '1000000',
    });
  });
});
