import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as aTurn } from 'node:timers/promises';
import { DatabaseBusy } from './database-errors.js';

interface Waiting<I, R> {
  intent: I;
  resolve: (result: R) => void;
  reject: (error: unknown) => void;
  impatience?: NodeJS.Timeout;
}

/**
 * Lets concurrent callers share one transaction: a batch is under way, the next one fills meanwhile. One commit then serves many,
 * which under load is worth more than any parallelism (architecture.md, "Storage"). A caller on its own is a batch of one and
 * waits for nobody.
 */
export class SharedBatches<I, R> {
  private waiting: Waiting<I, R>[] = [];
  private underWay = false;
  /** A batch belongs to no single caller, so what it logs must not carry the request id of whoever came first. */
  private readonly outsideOfRequests = AsyncLocalStorage.snapshot();

  /**
   * @param carryOut answers the intents in their order; when it throws nothing of the batch may have happened, unless
   *   `failsTogether` says otherwise of the error
   * @param failsTogether true for errors that say nothing about a single intent (the database is gone): they go to every
   *   caller. After any other error each intent is carried out on its own, so that one faulty intent never fails its neighbours
   * @param maximumSize most intents in one batch
   */
  constructor(
    private readonly carryOut: (intents: readonly I[]) => Promise<readonly R[]>,
    private readonly failsTogether: (error: unknown) => boolean,
    private readonly maximumSize = 64,
  ) {}

  /**
   * @param patienceMs longest wait for a batch to begin with this intent, in milliseconds; for ever unless told
   * @throws DatabaseBusy after that time: the intent was not carried out and will not be
   */
  add(intent: I, patienceMs?: number): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const waiting: Waiting<I, R> = { intent, resolve, reject };
      if (patienceMs !== undefined && this.underWay) {
        waiting.impatience = setTimeout(() => this.giveUp(waiting, patienceMs), patienceMs);
      }
      this.waiting.push(waiting);
      if (!this.underWay) void this.outsideOfRequests(() => this.carryOutAll());
    });
  }

  private giveUp(waiting: Waiting<I, R>, afterMs: number): void {
    this.waiting.splice(this.waiting.indexOf(waiting), 1);
    waiting.reject(new DatabaseBusy(afterMs));
  }

  private async carryOutAll(): Promise<void> {
    this.underWay = true;
    try {
      while (this.waiting.length > 0) {
        const batch = this.waiting.splice(0, this.maximumSize);
        for (const { impatience } of batch) clearTimeout(impatience);
        await this.carryOutOne(batch);
        // Callers who had their answer may have their next intent, and further ones may have arrived: they are worth a turn of the loop.
        if (this.waiting.length < this.maximumSize) await aTurn();
      }
    } finally {
      this.underWay = false;
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
