import type { Actor } from '@interlock/access';
import { faultPoint } from '@interlock/observability';
import { OpsEvents } from '@interlock/ops-events';
import { type Transaction, Transactions } from '@interlock/persistence';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { canceledBy } from './judge-claim.js';
import { isFinal, type RunStatus } from './run.js';
import { failureSentence, runEvent } from './run-events.js';
import { Runs } from './runs.repository.js';

/** Channel of NOTIFY that tells workers to look for runs of theirs that somebody wants cancelled. */
export const CANCEL_CHANNEL = 'interlock_run_cancel';

/**
 * Cancels a run: one that waits ends at once, one that runs is told to end; its worker, or whoever finds that worker dead, ends it.
 */
export class CancelRun extends Command<CancelRunResult> {
  constructor(
    readonly runId: string,
    readonly actor: Actor,
  ) {
    super();
  }
}

export type CancelRunResult =
  | { kind: 'canceled' }
  /** The run is told to end; it ends CANCELED, unless it was over before it heard. */
  | { kind: 'requested' }
  | { kind: 'unknown-run' }
  | { kind: 'already-finished'; status: RunStatus };

@CommandHandler(CancelRun)
export class CancelRunHandler implements ICommandHandler<CancelRun> {
  constructor(
    private readonly transactions: Transactions,
    private readonly runs: Runs,
    private readonly events: OpsEvents,
  ) {}

  async execute({ runId, actor }: CancelRun): Promise<CancelRunResult> {
    const result = await this.cancel(runId, actor);
    faultPoint('cancel-after-commit');
    return result;
  }

  private cancel(runId: string, actor: Actor): Promise<CancelRunResult> {
    return this.transactions.run(async (tx) => {
      const run = await lockRun(tx, runId);
      if (run === undefined) return { kind: 'unknown-run' };
      if (isFinal(run.status)) return { kind: 'already-finished', status: run.status };
      if (run.status === 'RUNNING') {
        await requestCancel(tx, runId, actor);
        return { kind: 'requested' };
      }
      const failure = canceledBy(actor.name);
      await this.runs.endLocked(tx, runId, 'CANCELED', { failure });
      const details = { reason: failureSentence(failure), actor: actor.name };
      await this.events.record(tx, {
        ...runEvent('run_canceled', { runId, attempt: run.attempt }, details),
        source: 'api',
      });
      return { kind: 'canceled' };
    });
  }
}

async function lockRun(tx: Transaction, runId: string): Promise<{ status: RunStatus; attempt: number } | undefined> {
  const [run] = await tx.query<{ status: RunStatus; attempt: number }[]>(
    'SELECT status, attempt FROM runs WHERE id = $1 FOR UPDATE',
    [runId],
  );
  return run;
}

/** The first one to ask is the one who is named. */
async function requestCancel(tx: Transaction, runId: string, actor: Actor): Promise<void> {
  await tx.query(
    `UPDATE runs SET cancel_requested_by = coalesce(cancel_requested_by, $2),
                     cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp())
     WHERE id = $1`,
    [runId, actor.name],
  );
  await tx.query('SELECT pg_notify($1, $2)', [CANCEL_CHANNEL, runId]);
}
