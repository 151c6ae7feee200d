import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import type { DatabaseClient } from './database-client.js';
import {
  CommitOutcomeUnknown,
  isDefiniteRollback,
  isReadOnly,
  isReplayable,
  isServersAnswer,
} from './database-errors.js';
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

/** What a transaction ends with: its last answer, of a statement that was sent. The commit does not wait for it. */
export class LastAnswer<T> {
  constructor(readonly answer: Promise<T>) {}
}

/** @param nextSent resolves as soon as the next statement is on its way, so that whatever is sent then comes behind it */
export type PipelinedWork<T> = (tx: Transaction, nextSent: () => Promise<void>) => Promise<T | LastAnswer<T>>;

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
    return runOn(this.dataSource, work, limits);
  }

  /**
   * As `run`, in as few round trips as there are statements to wait for: the work's first statement goes out together with the
   * transaction's begin, the commit without waiting for a `LastAnswer`, and what the work sends without waiting does not wait.
   *
   * Should the begin fail, the connection is cut; but what was sent with it may have been carried out as a transaction of its own. So
   * until something has been answered, the work sends only what changes nothing then.
   */
  pipelined<T>(work: PipelinedWork<T>): Promise<T> {
    const carryOut = (runner: Runner, connection: DatabaseClient) => workPipelined(runner, connection, work);
    return replaying(() => inTransaction(this.dataSource, carryOut));
  }

  /** As `run`, on a connection that a busy pool cannot keep waiting (safety.md, K2). */
  onReservedConnection<T>(work: (tx: Transaction) => Promise<T>, limits: TransactionLimits = {}): Promise<T> {
    return runOn(this.reserved, work, limits);
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.reserved.isInitialized) await this.reserved.destroy();
  }
}

type Runner = ReturnType<DataSource['createQueryRunner']>;

function runOn<T>(
  dataSource: DataSource,
  work: (tx: Transaction) => Promise<T>,
  { withinMs = Infinity }: TransactionLimits,
): Promise<T> {
  const until = performance.now() + withinMs;
  const carryOut = async (runner: Runner) => {
    await runner.startTransaction();
    const result = await work(runner.manager);
    await commit(runner);
    return result;
  };
  return replaying(() => inTransaction(dataSource, carryOut, until));
}

async function replaying<T>(attempt: () => Promise<T>): Promise<T> {
  for (let replays = 0; ; replays++) {
    try {
      return await attempt();
    } catch (error) {
      // A connection whose server takes no writes is closed; the next one may lead to a server that does.
      if (!(isReplayable(error) || isReadOnly(error)) || replays === MAXIMUM_REPLAYS) throw error;
    }
  }
}

/** @param carryOut begins the transaction, works in it, and commits it */
async function inTransaction<T>(
  dataSource: DataSource,
  carryOut: (runner: Runner, connection: DatabaseClient) => Promise<T>,
  until = Infinity,
): Promise<T> {
  const runner = dataSource.createQueryRunner();
  const tellEnd = watchEnd(runner.manager);
  let connection: DatabaseClient | undefined;
  let limit: NodeJS.Timeout | undefined;
  let committed = false;
  try {
    connection = (await runner.connect()) as DatabaseClient;
    if (until < Infinity) limit = setTimeout(() => connection?.cut(), until - performance.now());
    const result = await carryOut(runner, connection);
    committed = true;
    return result;
  } catch (error) {
    if (isReadOnly(error)) connection?.cut();
    // On a lost connection the server rolls back by itself; the first error is the one worth telling.
    if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
    throw error;
  } finally {
    clearTimeout(limit);
    // Only now: whatever was sent has been answered, since commit or rollback came behind it.
    if (connection !== undefined) connection.pipeline = false;
    await runner.release();
    tellEnd(committed ? 'committed' : 'notCommitted');
  }
}

async function workPipelined<T>(runner: Runner, connection: DatabaseClient, work: PipelinedWork<T>): Promise<T> {
  connection.pipeline = true;
  const beginSent = connection.nextStatement();
  const begun = runner.startTransaction();
  // Nothing more may come: it would be carried out outside of any transaction.
  begun.catch(() => connection.cut());
  await Promise.race([beginSent, begun]);
  const result = await work(runner.manager, () => connection.nextStatement()).catch(async (error: unknown) => {
    // Whatever was sent fails for that the transaction never began: why is what is to be told.
    await begun;
    throw error;
  });
  // Heard of below, unless the transaction never began.
  if (result instanceof LastAnswer) result.answer.catch(() => undefined);
  await begun;
  if (!(result instanceof LastAnswer)) {
    await commit(runner);
    return result;
  }
  const [last, committed] = await Promise.allSettled([result.answer, commit(runner)]);
  if (last.status === 'rejected') {
    // When the server refuses a statement, it makes a rollback of the commit behind it. When no answer came and the commit had been sent,
    // nobody knows.
    const unsent = committed.status === 'rejected' && !(committed.reason instanceof CommitOutcomeUnknown);
    throw unsent || isServersAnswer(last.reason) ? last.reason : new CommitOutcomeUnknown(last.reason);
  }
  if (committed.status === 'rejected') throw committed.reason;
  return last.value;
}

async function commit(runner: Runner): Promise<void> {
  await runner.commitTransaction().catch((error: unknown) => {
    throw isDefiniteRollback(error) ? error : new CommitOutcomeUnknown(error);
  });
}
