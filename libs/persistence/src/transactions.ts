import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import type { DatabaseClient } from './database-client.js';
import { CommitOutcomeUnknown, isDefiniteRollback, isReadOnly, isReplayable } from './database-errors.js';
import { watchEnd } from './transaction-end.js';

/** A transaction under way; statements go through it. */
export type Transaction = EntityManager;

/** Injection token of the small pool that nothing but the kill switch and its watch use. */
export const RESERVED_DATA_SOURCE = Symbol('reserved data source');

const MAXIMUM_REPLAYS = 5;

export interface TransactionLimits {
  /**
   * Longest time from the call to the end, replays included, in milliseconds; then the connection is cut. None unless told: each
   * statement has its own limit, but many may add up. A connection is waited for 2.5 s whatever this says.
   */
  readonly withinMs?: number;
}

/** Runs work inside READ COMMITTED transactions. */
@Injectable()
export class Transactions implements OnApplicationShutdown {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(RESERVED_DATA_SOURCE) private readonly reserved: DataSource,
  ) {}

  /**
   * Runs `work` in a transaction and commits it; rolls back when it throws. Serialization failures and deadlocks are replayed as
   * a whole, as is work that met a server which takes no writes, so `work` must have no effect outside the database; `afterCommit` is for what has.
   * @throws CommitOutcomeUnknown when the connection was lost during the commit
   */
  run<T>(work: (tx: Transaction) => Promise<T>, limits: TransactionLimits = {}): Promise<T> {
    return replaying(this.dataSource, work, limits);
  }

  /** As `run`, on a connection that a busy pool cannot keep waiting (safety.md, K2). */
  onReservedConnection<T>(work: (tx: Transaction) => Promise<T>, limits: TransactionLimits = {}): Promise<T> {
    return replaying(this.reserved, work, limits);
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.reserved.isInitialized) await this.reserved.destroy();
  }
}

async function replaying<T>(
  dataSource: DataSource,
  work: (tx: Transaction) => Promise<T>,
  { withinMs = Infinity }: TransactionLimits,
): Promise<T> {
  const until = performance.now() + withinMs;
  for (let replays = 0; ; replays++) {
    try {
      return await inTransaction(dataSource, work, until);
    } catch (error) {
      // A connection whose server takes no writes is closed; the next one may lead to a server that does.
      if (!(isReplayable(error) || isReadOnly(error)) || replays === MAXIMUM_REPLAYS) throw error;
    }
  }
}

async function inTransaction<T>(
  dataSource: DataSource,
  work: (tx: Transaction) => Promise<T>,
  until: number,
): Promise<T> {
  const runner = dataSource.createQueryRunner();
  const tellEnd = watchEnd(runner.manager);
  let connection: DatabaseClient | undefined;
  let limit: NodeJS.Timeout | undefined;
  let committed = false;
  try {
    connection = (await runner.connect()) as DatabaseClient;
    if (until < Infinity) limit = setTimeout(() => connection?.cut(), until - performance.now());
    await runner.startTransaction();
    const result = await work(runner.manager);
    await runner.commitTransaction().catch((error: unknown) => {
      throw isDefiniteRollback(error) ? error : new CommitOutcomeUnknown(error);
    });
    committed = true;
    return result;
  } catch (error) {
    if (isReadOnly(error)) connection?.cut();
    // On a lost connection the server rolls back by itself; the first error is the one worth telling.
    if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
    throw error;
  } finally {
    clearTimeout(limit);
    await runner.release();
    tellEnd(committed ? 'committed' : 'notCommitted');
  }
}
