import { isDeepStrictEqual } from 'node:util';
import type { Transaction } from '@interlock/persistence';
import type { RunParams, RunStatus } from './run.js';
import { RunEntity } from './run.entity.js';
import { paramsOf } from './run-view.js';

/** A start with a key; the key belongs to the strategy. */
export interface KeyedStart {
  readonly params: RunParams;
  readonly idempotencyKey: string | undefined;
}

/** The run that a key belongs to. */
export interface KeyedRun {
  readonly runId: string;
  readonly params: RunParams;
  readonly status: RunStatus;
}

/** The runs that the keys of some starts belong to. */
export class KeyedRuns {
  private readonly runs = new Map<string, KeyedRun>();

  /**
   * Locks the keys until the transaction ends and reads their runs, so that any number of starts with one key, in any number of
   * processes, make one run (safety.md, R3). A run that never reached the queue has left its key free.
   */
  static async lock(tx: Transaction, starts: readonly KeyedStart[]): Promise<KeyedRuns> {
    const found = new KeyedRuns();
    const keyed = starts.filter((start) => start.idempotencyKey !== undefined);
    if (keyed.length === 0) return found;

    // Sorted by lock, so that two transactions never wait for each other in a circle.
    await tx.query(
      `SELECT pg_advisory_xact_lock(lock)
       FROM (SELECT DISTINCT hashtextextended('interlock idempotency key ' || key, 0) AS lock
             FROM unnest($1::text[]) AS key ORDER BY 1) AS locks`,
      [keyed.map(nameOf)],
    );
    const runs = await tx
      .createQueryBuilder(RunEntity, 'run')
      .where('run.idempotencyKey = ANY(:keys)', { keys: keyed.map(({ idempotencyKey }) => idempotencyKey) })
      .andWhere('run.strategy = ANY(:strategies)', { strategies: keyed.map(({ params }) => params.strategy) })
      .andWhere(`run.status <> 'ENQUEUE_FAILED'`) // as the index of keys says it, or it could not be used
      .getMany();
    for (const run of runs) {
      const params = paramsOf(run);
      const { id: runId, status, idempotencyKey } = run;
      found.add({ params, idempotencyKey: idempotencyKey ?? undefined }, { runId, params, status });
    }
    return found;
  }

  /** The run that the start's key belongs to already. */
  of(start: KeyedStart): KeyedRun | undefined {
    return start.idempotencyKey === undefined ? undefined : this.runs.get(nameOf(start));
  }

  /** Gives the start's key, if it has one, to a run. */
  add(start: KeyedStart, run: KeyedRun): void {
    if (start.idempotencyKey !== undefined) this.runs.set(nameOf(start), run);
  }
}

/** True when two starts ask for the same, defaults included; the order of keys in `input` does not matter. */
export function asksForTheSame(a: RunParams, b: RunParams): boolean {
  return isDeepStrictEqual(normalized(a), normalized(b));
}

/** As it would come back from the database, where -0 is 0 and undefined is nothing. */
function normalized(params: RunParams): unknown {
  return JSON.parse(JSON.stringify(params)) as unknown;
}

// Names have no blank in them, so that no two pairs of strategy and key are written alike.
function nameOf({ params, idempotencyKey }: KeyedStart): string {
  return `${params.strategy} ${idempotencyKey ?? ''}`;
}
