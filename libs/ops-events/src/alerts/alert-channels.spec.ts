import { channelsFor } from './alert-channels.js';
import { waitAfter } from './alert-deliveries.js';

const source = 'test';
const failedFor = (event: string, channel: string) =>
  ({ event: 'alert_delivery_failed', source, details: { event, channel } }) as const;

describe('the channels of an event', () => {
  it('are all of them for a critical one, and none for others', () => {
    expect(channelsFor({ event: 'kill_switch_on', source }, ['a', 'b'])).toEqual(['a', 'b']);
    expect(channelsFor({ event: 'worker_failed', source }, ['a', 'b'])).toEqual([]);
    expect(channelsFor({ event: 'run_completed', source }, ['a', 'b'])).toEqual([]);
  });

  it('leave out the one that is dead when that is the news', () => {
    expect(channelsFor(failedFor('kill_switch_on', 'a'), ['a'])).toEqual([]);
    expect(channelsFor(failedFor('kill_switch_on', 'a'), ['a', 'b'])).toEqual(['b']);
  });

  it('are none when the news of a dead one died too, so that dead channels do not report each other for ever', () => {
    expect(channelsFor(failedFor('alert_delivery_failed', 'b'), ['a', 'b'])).toEqual([]);
  });
});

describe('the wait after an attempt', () => {
  it('doubles, up to an hour', () => {
    expect([1, 2, 3, 7, 12, 13, 30].map((attempt) => waitAfter(attempt, 1_000))).toEqual([
      1_000, 2_000, 4_000, 64_000, 2_048_000, 3_600_000, 3_600_000,
    ]);
  });
});
