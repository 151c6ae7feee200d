import { Settings } from '@interlock/config';
import type { Transaction } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';

/** How long a count holds while there is much room. */
const HOLDS_MS = 250;
/** The share of the counted room that this process may use up before it counts again. */
const SHARE = 1 / 8;
/**
 * As many starts as the batches beside one may hold that it does not see (two of 64). Where they fit into `SHARE` of the room, seven
 * times as many places are left whatever they do.
 */
const AMPLE = 128;

/**
 * How many more runs may wait for a worker (QUEUE_MAX_WAITING).
 *
 * What waits is counted in the table of runs rather than in the queue: a queue holds nudges, which may be lost or come twice, and
 * the runs are the same whichever backend carries them. The count reads an index of unfinished runs alone, at most one entry more
 * than the limit: 0.3 ms on an empty queue and 1.3 ms with 10,000 waiting, however many runs are over. It is taken once per batch of
 * starts near the limit, and far from it once in a while.
 *
 * Exact within a process, whose batches come one after the other unless there is ample room. Several apis that count at the same
 * moment do not see each other's batch, so that each beyond the first may admit one batch, of 64 starts at most, too many; with more than eight apis
 * those far from the limit may add to it what each admits in a quarter of a second.
 */
@Injectable()
export class QueueRoom {
  private readonly limit: number;
  private countedAt = -Infinity;
  /** What the last count has left for this process, and how much of it may go before the next count. */
  private room = 0;
  private unchecked = 0;

  constructor(settings: Settings) {
    this.limit = settings.queueMaxWaiting;
  }

  /** True while so much room is left that batches may be under way beside each other, though none sees the others' starts. */
  get isAmple(): boolean {
    return this.limit === 0 || this.unchecked >= AMPLE;
  }

  /**
   * How many of the starts of a batch may be admitted. Call `take` for those that are.
   * @param starts how many there are
   */
  async open(tx: Transaction, starts: number): Promise<number> {
    if (this.limit === 0) return Infinity;
    const holds = performance.now() - this.countedAt < HOLDS_MS;
    if (!holds || this.unchecked < starts) await this.count(tx);
    return this.room;
  }

  take(starts: number): void {
    this.room -= starts;
    this.unchecked -= starts;
  }

  private async count(tx: Transaction): Promise<void> {
    const countedAt = performance.now();
    const [row] = await tx.query<{ waiting: number }[]>(
      `SELECT count(*)::integer AS waiting
       FROM (SELECT FROM runs WHERE status IN ('QUEUED', 'RETRYING') LIMIT $1) AS waiting`,
      [this.limit],
    );
    this.room = this.limit - (row?.waiting ?? this.limit);
    this.unchecked = Math.floor(this.room * SHARE);
    this.countedAt = countedAt;
  }
}
