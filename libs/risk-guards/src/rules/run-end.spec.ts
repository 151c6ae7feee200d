import * as fc from 'fast-check';
import {
  consecutiveFailures,
  latencyOfRun,
  lossOfTheDay,
  nextStreak,
  type Streak,
  type SwitchReading,
  type TripLimits,
  withSample,
} from './run-end.js';

const limits: TripLimits = {
  consecutiveFailures: 3,
  maxDailyLoss: '100',
  latencyThresholdMs: 30_000,
  latencySpikeMultiplier: 3,
  latencySpikeMinSamples: 5,
  latencySpikeFloorMs: 1_000,
};

describe('failures in a row', () => {
  const step = fc.constantFrom('failed', 'failed', 'succeeded', 'toggled');

  it('count as a small model does: from the last success or change of the switch', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let killSwitch: SwitchReading = { enabled: false, version: 0 };
        let streak: Streak | undefined;
        let expected = 0;
        for (const next of steps) {
          expected = next === 'failed' ? expected + 1 : 0;
          if (next === 'toggled') killSwitch = { enabled: !killSwitch.enabled, version: killSwitch.version + 1 };
          else streak = nextStreak(streak, killSwitch, next === 'failed');
        }
        // A change is noticed by the run that follows it.
        expect(nextStreak(streak, killSwitch, true).failures).toBe(expected + 1);
      }),
    );
  });

  it('trip from the limit on', () => {
    expect(consecutiveFailures(2, limits)).toBeUndefined();
    expect(consecutiveFailures(3, limits)).toEqual({
      rule: 'consecutiveFailures',
      current: '3',
      limit: '3',
      reason: '3 runs in a row failed (limit 3)',
    });
  });
});

describe('losses of the day', () => {
  it('trip from the limit on, and never where nothing is lost', () => {
    expect(lossOfTheDay('99.99999999', limits)).toBeUndefined();
    expect(lossOfTheDay('100.00', limits)).toMatchObject({ rule: 'dailyLoss', current: '100', limit: '100' });
    expect(lossOfTheDay('0', { ...limits, maxDailyLoss: '0' })).toBeUndefined();
    expect(lossOfTheDay('0.00000001', { ...limits, maxDailyLoss: '0' })).toBeDefined();
  });
});

describe('latency', () => {
  const usual = { averageMs: 1_000, samples: 5 };

  it('trips above the threshold', () => {
    expect(latencyOfRun(30_000, undefined, undefined, limits)).toBeUndefined();
    expect(latencyOfRun(30_001, undefined, undefined, limits)).toMatchObject({
      rule: 'latencyThreshold',
      current: '30001',
      limit: '30000',
    });
  });

  it('holds a pipeline to the duration that it declares, where that is longer', () => {
    expect(latencyOfRun(120_000, 120_000, undefined, limits)).toBeUndefined();
    expect(latencyOfRun(120_001, 120_000, undefined, limits)).toMatchObject({ limit: '120000' });
    expect(latencyOfRun(20_000, 10_000, undefined, limits)).toBeUndefined();
  });

  it('trips at a spike, once enough runs are known, and not below the floor', () => {
    expect(latencyOfRun(3_000, undefined, usual, limits)).toBeUndefined();
    expect(latencyOfRun(3_001, undefined, usual, limits)).toMatchObject({
      rule: 'latencySpike',
      current: '3001',
      limit: '3000',
    });
    expect(latencyOfRun(3_001, undefined, { ...usual, samples: 4 }, limits)).toBeUndefined();
    expect(latencyOfRun(999, undefined, { averageMs: 10, samples: 50 }, limits)).toBeUndefined();
    expect(latencyOfRun(1_000, undefined, { averageMs: 10, samples: 50 }, limits)).toMatchObject({
      rule: 'latencySpike',
    });
  });

  it('averages with the weight of the latest run, within what was measured', () => {
    expect(withSample(undefined, 500, 0.2)).toEqual({ averageMs: 500, samples: 1 });
    expect(withSample(usual, 2_000, 0.2)).toEqual({ averageMs: 1_200, samples: 6 });
    const duration = fc.double({ min: 0, max: 1e8, noNaN: true });
    fc.assert(
      fc.property(duration, duration, fc.double({ min: 0.01, max: 1, noNaN: true }), (before, latest, alpha) => {
        const { averageMs } = withSample({ averageMs: before, samples: 1 }, latest, alpha);
        const slack = 1e-6 * Math.max(before, latest, 1);
        expect(averageMs).toBeGreaterThanOrEqual(Math.min(before, latest) - slack);
        expect(averageMs).toBeLessThanOrEqual(Math.max(before, latest) + slack);
      }),
    );
  });
});
