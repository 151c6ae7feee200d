import type { JobQueues } from '@interlock/queue';
import { Logger } from '@nestjs/common';
import { eventually } from '../../../../test/support/eventually.js';
import { AlertNudges } from './alert-nudges.js';

const { jest } = import.meta;

/** Stands for a queue that is slow, away or back, as nothing real can be told to be at will. */
class QueueAtWill {
  readonly batches: number[] = [];
  readonly open: { resolve: () => void; reject: (error: Error) => void }[] = [];

  addBulk(_: string, jobs: readonly unknown[]): Promise<void> {
    this.batches.push(jobs.length);
    return new Promise((resolve, reject) => this.open.push({ resolve, reject }));
  }
}

let queue: QueueAtWill;
let nudges: AlertNudges;

beforeEach(() => {
  queue = new QueueAtWill();
  nudges = new AlertNudges(queue as unknown as JobQueues);
});

afterEach(() => {
  jest.restoreAllMocks();
});

const ids = (count: number) => Array.from({ length: count }, (_, n) => `delivery-${n}`);

describe('nudges', () => {
  it('have one enqueue under way at a time, and wait in bounded number', async () => {
    for (let n = 0; n < 5_000; n++) nudges.nudge(ids(1));
    expect(queue.batches).toEqual([1]);
    queue.open.shift()?.resolve();
    await eventually('the next is under way', () => queue.batches.length === 2);
    for (let n = 2; queue.open.length > 0; n++) {
      queue.open.shift()?.resolve();
      if (n <= 10) await eventually(`enqueue ${n} is under way`, () => queue.batches.length === n + 1);
    }
    expect(queue.batches).toEqual([1, ...Array.from({ length: 10 }, () => 100)]);
  });

  it('are dropped when the queue is away, and sent again when it is back', async () => {
    nudges.nudge(ids(1));
    nudges.nudge(ids(250));
    jest.spyOn(Logger.prototype, 'warn').mockReturnValue();
    queue.open.shift()?.reject(new Error('away'));
    await nudges['enqueuing'];
    expect(queue.batches).toEqual([1]);
    nudges.nudge(ids(2));
    expect(queue.batches).toEqual([1, 2]);
  });

  it('are waited for at shutdown, and ended by it', async () => {
    nudges.nudge(ids(1));
    const ending = nudges.beforeApplicationShutdown();
    const first = await Promise.race([ending.then(() => 'ended'), new Promise(setImmediate).then(() => 'waits')]);
    expect(first).toBe('waits');
    queue.open.shift()?.resolve();
    await ending;
    nudges.nudge(ids(1));
    expect(queue.batches).toEqual([1]);
  });

  it('are left to be found again in a program without a queue', () => {
    expect(() => new AlertNudges().nudge(ids(1))).not.toThrow();
  });
});
