import { Settings } from '@interlock/config';
import { faultPoint } from '@interlock/observability';
import { OpsEvents } from '@interlock/ops-events';
import { type Transaction, Transactions } from '@interlock/persistence';
import { JobQueues } from '@interlock/queue';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { runEvent } from './run-events.js';
import { RunMetrics } from './run-metrics.js';

/** Any number, the same for ever: one process sweeps at a time. */
const SWEEP_LOCK = 4_021_978;
/** Most runs that one sweep ends or nudges; the next sweep goes on. */
const MOST_AT_ONCE = 500;
/** A waiting run is nudged when its last nudge is this old, doubling with each nudge up to 16 times: most wait for a free place. */
const NUDGE_AGE_MS = 5_000;
/** A retry's own job comes at its time; only when it has not by then, the sweeper steps in. */
const RETRY_GRACE_MS = 2_000;

/** Finds runs that nobody would carry on by themselves, and has them carried on or ends them (safety.md, R5). */
export class SweepRuns extends Command<SweepResult> {}

export interface SweepResult {
  /** Runs for which a job was added. */
  nudged: number;
  /** Runs that waited too long for their start. */
  expired: number;
}

interface Nudge {
  id: string;
  nudges: number;
}

@CommandHandler(SweepRuns)
export class SweepRunsHandler implements ICommandHandler<SweepRuns> {
  constructor(
    private readonly settings: Settings,
    private readonly transactions: Transactions,
    private readonly events: OpsEvents,
    private readonly queues: JobQueues,
    private readonly metrics: RunMetrics,
  ) {}

  /** @throws EnqueueFailed when the queue does not take the nudges; a later sweep adds them */
  async execute(): Promise<SweepResult> {
    const { nudges, expired } = await this.transactions.run(async (tx) => {
      if (!(await isOurTurn(tx))) return { nudges: [], expired: 0 };
      return { expired: await this.expire(tx), nudges: await nudge(tx) };
    });
    if (nudges.length > 0) {
      faultPoint('sweep-after-commit');
      // Ids of their own: the run's first job may still lie in the queue, as a dead worker left it.
      const jobs = nudges.map(({ id, nudges: count }) => ({ id: `${id}-${count}`, data: { runId: id } }));
      await this.queues.addBulk('execution_start', jobs);
    }
    return { nudged: nudges.length, expired };
  }

  private async expire(tx: Transaction): Promise<number> {
    const [runs] = await tx.query<[{ id: string }[], number]>(
      `UPDATE runs SET status = 'EXPIRED', finished_at = clock_timestamp(),
                       failure = '{"stage": "claim", "reason": "it waited too long for its start"}'
       WHERE id IN (SELECT id FROM runs
                    WHERE status = 'QUEUED' AND started_at IS NULL
                      AND created_at < clock_timestamp() - $1 * interval '1 millisecond'
                    LIMIT ${MOST_AT_ONCE} FOR UPDATE SKIP LOCKED)
       RETURNING id`,
      [this.settings.runStartMaxAgeMs],
    );
    const reason = 'claim: it waited too long for its start';
    await this.events.recordAll(
      tx,
      runs.map(({ id }) => runEvent('run_expired', { runId: id, attempt: 0 }, { reason })),
    );
    this.metrics.ended(tx, 'EXPIRED', runs.length);
    return runs.length;
  }
}

async function isOurTurn(tx: Transaction): Promise<boolean> {
  const [row] = await tx.query<{ ours: boolean }[]>('SELECT pg_try_advisory_xact_lock($1) AS ours', [SWEEP_LOCK]);
  return row?.ours === true;
}

/** Notes a nudge for every run that needs one: waiting without a sign of life, past its retry, or left by its worker. */
async function nudge(tx: Transaction): Promise<Nudge[]> {
  const [nudges] = await tx.query<[Nudge[], number]>(
    `WITH quiet AS (
       SELECT id FROM runs
       WHERE status = 'QUEUED' AND nudged_at < clock_timestamp() - $1 * interval '1 millisecond' * 2 ^ least(nudges, 4)
       ORDER BY nudged_at LIMIT ${MOST_AT_ONCE} FOR UPDATE SKIP LOCKED
     ), late AS (
       SELECT id FROM runs
       WHERE status = 'RETRYING' AND retry_at < clock_timestamp() - $2 * interval '1 millisecond'
         AND (nudged_at < retry_at OR nudged_at < clock_timestamp() - $1 * interval '1 millisecond')
       ORDER BY nudged_at LIMIT ${MOST_AT_ONCE} FOR UPDATE SKIP LOCKED
     ), left_behind AS (
       SELECT id FROM runs
       WHERE status = 'RUNNING' AND lease_expires_at < clock_timestamp()
         AND (nudged_at < lease_expires_at OR nudged_at < clock_timestamp() - $1 * interval '1 millisecond')
       ORDER BY lease_expires_at LIMIT ${MOST_AT_ONCE} FOR UPDATE SKIP LOCKED
     )
     UPDATE runs SET nudges = nudges + 1, nudged_at = clock_timestamp()
     WHERE id IN (SELECT id FROM quiet UNION ALL SELECT id FROM late UNION ALL SELECT id FROM left_behind)
     RETURNING id, nudges`,
    [NUDGE_AGE_MS, RETRY_GRACE_MS],
  );
  return nudges;
}
