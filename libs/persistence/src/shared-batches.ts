import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as aTurn } from 'node:timers/promises';
import { DatabaseBusy } from './database-errors.js';

interface Waiting<I, R> {
  intent: I;
  resolve: (result: R) => void;
  reject: (error: unknown) => void;
  impatience?: NodeJS.Timeout;
}

export interface BatchLimits {
  /** Most intents in one batch; 64 unless told. */
  readonly maximumSize?: number;
  /**
   * How many batches may be under way beside each other; 1 unless told. Asked before each batch begins: one that begins where the
   * answer is 1 has none beside it that began before.
   */
  readonly atOnce?: () => number;
}

/**
 * Lets concurrent callers share one transaction: while as many batches are under way as may be, the next one fills. One commit then
 * serves many, which under load is worth more than any parallelism. A caller on its own is a batch of one and waits for nobody.
 */
export class SharedBatches<I, R> {
  private waiting: Waiting<I, R>[] = [];
  private underWay = 0;
  private readonly maximumSize: number;
  private readonly atOnce: () => number;
  /** A batch belongs to no single caller, so what it logs must not carry the request id of whoever came first. */
  private readonly outsideOfRequests = AsyncLocalStorage.snapshot();

  /**
   * @param carryOut answers the intents in their order; when it throws nothing of the batch may have happened, unless
   *   `failsTogether` says otherwise of the error
   * @param failsTogether true for errors that say nothing about a single intent (the database is gone): they go to every
   *   caller. After any other error each intent is carried out on its own, so that one faulty intent never fails its neighbours
   */
  constructor(
    private readonly carryOut: (intents: readonly I[]) => Promise<readonly R[]>,
    private readonly failsTogether: (error: unknown) => boolean,
    { maximumSize = 64, atOnce = () => 1 }: BatchLimits = {},
  ) {
    this.maximumSize = maximumSize;
    this.atOnce = atOnce;
  }

  /**
   * @param patienceMs longest wait for a batch to begin with this intent, in milliseconds; for ever unless told
   * @throws DatabaseBusy after that time: the intent was not carried out and will not be
   */
  add(intent: I, patienceMs?: number): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const waiting: Waiting<I, R> = { intent, resolve, reject };
      const beginsNow = this.hasPlace && this.waiting.length < this.maximumSize;
      if (patienceMs !== undefined && !beginsNow) {
        waiting.impatience = setTimeout(() => this.giveUp(waiting, patienceMs), patienceMs);
      }
      this.waiting.push(waiting);
      if (this.hasPlace) void this.outsideOfRequests(() => this.carryOutAll());
    });
  }

  private get hasPlace(): boolean {
    return this.underWay < this.atOnce();
  }

  private giveUp(waiting: Waiting<I, R>, afterMs: number): void {
    this.waiting.splice(this.waiting.indexOf(waiting), 1);
    waiting.reject(new DatabaseBusy(afterMs));
  }

  /** Carries out batch after batch while any wait and as many as are under way may be. */
  private async carryOutAll(): Promise<void> {
    this.underWay += 1;
    try {
      while (this.waiting.length > 0 && this.underWay <= this.atOnce()) {
        const batch = this.waiting.splice(0, this.maximumSize);
        for (const { impatience } of batch) clearTimeout(impatience);
        await this.carryOutOne(batch);
        // Callers who had their answer may have their next intent, and further ones may have arrived: they are worth a turn of the loop.
        if (this.waiting.length < this.maximumSize) await aTurn();
      }
    } finally {
      this.underWay -= 1;
    }
  }

  private async carryOutOne(batch: readonly Waiting<I, R>[]): Promise<void> {
    try {
      const results = await this.carryOut(batch.map(({ intent }) => intent));
      if (results.length !== batch.length) throw new Error('a batch must answer each of its intents');
      batch.forEach(({ resolve }, index) => resolve(results[index] as R));
    } catch (error) {
      if (batch.length === 1 || this.failsTogether(error)) {
        for (const { reject } of batch) reject(error);
        return;
      }
      for (const single of batch) await this.carryOutOne([single]);
    }
  }
}
