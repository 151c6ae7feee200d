import * as fc from 'fast-check';
import { RateLimit } from './rate-limit.js';
import { RateWindow, WINDOW_MS } from './rate-window.js';

describe('rate limit', () => {
  it('never lets more through in any 60 seconds, and is true about when it lets one through again', () => {
    const steps = fc.array(fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 20_000 })), {
      minLength: 1,
      maxLength: 300,
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), steps, (limit, gaps) => {
        const window = new RateWindow();
        const admitted: number[] = [];
        const waits: number[] = [];
        const secondTries: number[] = [];
        let now = 0;
        for (const gap of gaps) {
          now += gap;
          const waitMs = window.take(limit, now);
          if (waitMs > 0) {
            waits.push(waitMs);
            now += waitMs;
            secondTries.push(window.take(limit, now));
          }
          admitted.push(now);
        }
        expect(waits.filter((waitMs) => waitMs > WINDOW_MS)).toEqual([]);
        expect(secondTries.filter((waitMs) => waitMs !== 0)).toEqual([]);
        const tooSoon = admitted.filter((at, index) => at - (admitted[index - limit] ?? -Infinity) < WINDOW_MS);
        expect(tooSoon).toEqual([]);
      }),
    );
  });

  it('lets through exactly its limit in a burst, and so many again a minute later', () => {
    const limit = new RateLimit(100);
    const burst = (from: number) =>
      Array.from({ length: 250 }, (_, index) => limit.take('ada', from + index)).filter((wait) => wait === 0).length;
    expect([burst(0), burst(300), burst(WINDOW_MS + 300)]).toEqual([100, 0, 100]);
  });

  it('counts callers apart, and nobody at 0', () => {
    const limit = new RateLimit(1);
    expect([limit.take('a', 0), limit.take('b', 0), limit.take('a', 1_000)]).toEqual([0, 0, 59_000]);
    const off = new RateLimit(0);
    expect(Array.from({ length: 1_000 }, () => off.take('a', 0)).every((wait) => wait === 0)).toBe(true);
  });

  it('remembers so many callers and no more: the one heard of longest ago begins anew', () => {
    const limit = new RateLimit(1, 3);
    for (const caller of ['a', 'b', 'c']) limit.take(caller, 0);
    limit.take('a', 1);
    limit.take('d', 2); // b is forgotten, a was heard of since
    expect(['a', 'c', 'd'].every((caller) => limit.take(caller, 3) > 0)).toBe(true);
    expect(limit.take('b', 4)).toBe(0);
  });
});
