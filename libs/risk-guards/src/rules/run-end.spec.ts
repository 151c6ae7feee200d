import * as fc from 'fast-check';
import {
  consecutiveFailures,
  latencyOfRun,
  lossOfTheDay,
  nextStreak,
  stillTrips,
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
  const step = fc.constantFrom('failed', 'failed', 'succeeded', 'reduced', 'released');

  it('count as a small model does: from the last success or release of the switch, whatever it was at meanwhile', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let killSwitch: SwitchReading = { halts: false, version: 0, releasedVersion: 0 };
        let streak: Streak | undefined;
        let expected = 0;
        for (const next of steps) {
          if (next === 'failed') expected += 1;
          else if (next !== 'reduced') expected = 0;
          const version = killSwitch.version + 1;
          if (next === 'reduced') killSwitch = { ...killSwitch, version };
          else if (next === 'released') killSwitch = { halts: false, version, releasedVersion: version };
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

describe('a trip that is carried out later', () => {
  const LEVELS = [null, 'reduce', 'halt'] as const;
  const level = fc.constantFrom(...LEVELS);
  const strictness = (of: (typeof LEVELS)[number]) => LEVELS.indexOf(of);

  it('halts a switch that does not, unless somebody has loosened it since', () => {
    fc.assert(
      fc.property(fc.constantFrom(null, 'reduce' as const), fc.array(level, { maxLength: 6 }), (before, presses) => {
        let now: { version: number; level: (typeof LEVELS)[number] } = { version: 5, level: before };
        let wasLoosened = false;
        for (const next of presses) {
          if (next === now.level) continue; // answered as unchanged
          wasLoosened ||= strictness(next) < strictness(now.level);
          now = { version: now.version + 1, level: next };
        }
        expect(stillTrips(5, now)).toBe(now.level !== 'halt' && !wasLoosened);
      }),
    );
  });
});
