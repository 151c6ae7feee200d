import type { KillSwitch } from '@interlock/kill-switch';
import type { Transaction } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import type { RunFailure, RunParams, RunStatus } from './run.js';
import { RunEntity, RunReportEntity } from './run.entity.js';

/** A run about to be stored as QUEUED. `id` is a UUIDv7. */
export interface NewRun {
  readonly id: string;
  readonly params: RunParams;
}

/** A worker's hold on a run. Everything the worker writes names the epoch, and is refused once there is a later one (R4). */
export interface Hold {
  readonly runId: string;
  readonly epoch: number;
  readonly attempt: number;
}

/** How a run ends, beside its status. */
export interface RunEnd {
  failure?: RunFailure;
  /** The switch that ended it. */
  endedBy?: KillSwitch;
  report?: Record<string, unknown>;
}

/** Somebody else holds the run now, or it has ended: what this worker does no longer counts. */
export class HoldLost extends Error {
  constructor(runId: string) {
    super(`the hold on run ${runId} is lost`);
    this.name = 'HoldLost';
  }
}

/** The statements that change runs. Times are the database's, so that no process's clock matters. */
@Injectable()
export class Runs {
  async insert(tx: Transaction, runs: readonly NewRun[]): Promise<void> {
    if (runs.length === 0) return;
    const rows = runs.map(({ id, params }) => ({ id, ...params, maxPosition: String(params.maxPosition) }));
    await tx.query(
      `INSERT INTO runs (id, status, mode, dry_run, max_position, pipeline, strategy, input, notes)
       SELECT id, 'QUEUED', mode, "dryRun", "maxPosition", pipeline, strategy, input, notes
       FROM jsonb_to_recordset($1::jsonb) AS row(id uuid, mode text, "dryRun" boolean, "maxPosition" numeric, pipeline text,
                                                 strategy text, input jsonb, notes text)`,
      [JSON.stringify(rows)],
    );
  }

  find(tx: Transaction, runId: string): Promise<RunEntity | null> {
    return tx.findOneBy(RunEntity, { id: runId });
  }

  /**
   * Marks runs whose jobs may not have reached the queue, so that they never execute (safety.md, R2).
   * @returns the ids that are marked; the others were claimed meanwhile: their jobs did arrive
   */
  async markEnqueueFailed(tx: Transaction, runIds: readonly string[]): Promise<Set<string>> {
    const [rows] = await tx.query<[{ id: string }[], number]>(
      `UPDATE runs SET status = 'ENQUEUE_FAILED', finished_at = clock_timestamp()
       WHERE id = ANY($1::uuid[]) AND status = 'QUEUED' RETURNING id`,
      [runIds],
    );
    return new Set(rows.map((row) => row.id));
  }

  /**
   * Takes a run that waits, or whose worker has let its lease run out.
   * @returns null when there is nothing to take
   */
  async claim(tx: Transaction, runId: string, owner: string, leaseMs: number): Promise<Hold | null> {
    const [[row]] = await tx.query<[{ epoch: number; attempt: number }[], number]>(
      `UPDATE runs
       SET status = 'RUNNING', epoch = epoch + 1, attempt = attempt + 1, lease_owner = $2,
           lease_expires_at = clock_timestamp() + $3 * interval '1 millisecond',
           started_at = coalesce(started_at, clock_timestamp())
       WHERE id = $1 AND (status IN ('QUEUED', 'RETRYING') OR (status = 'RUNNING' AND lease_expires_at < clock_timestamp()))
       RETURNING epoch, attempt`,
      [runId, owner, leaseMs],
    );
    return row === undefined ? null : { runId, ...row };
  }

  /** Ends a run that waits, without its being carried out. False when it did not wait. */
  async endWaiting(tx: Transaction, runId: string, status: RunStatus, end: RunEnd): Promise<boolean> {
    const [, count] = await tx.query<[unknown, number]>(
      `UPDATE runs
       SET status = $2, failure = $3, ended_by_scope = $4, ended_by_version = $5, finished_at = clock_timestamp()
       WHERE id = $1 AND (status IN ('QUEUED', 'RETRYING') OR (status = 'RUNNING' AND lease_expires_at < clock_timestamp()))`,
      [runId, status, ...endColumns(end)],
    );
    return count > 0;
  }

  /** @throws HoldLost */
  async renew(tx: Transaction, { runId, epoch }: Hold, leaseMs: number): Promise<void> {
    const [, count] = await tx.query<[unknown, number]>(
      `UPDATE runs SET lease_expires_at = clock_timestamp() + $3 * interval '1 millisecond'
       WHERE id = $1 AND epoch = $2 AND status = 'RUNNING'`,
      [runId, epoch, leaseMs],
    );
    if (count === 0) throw new HoldLost(runId);
  }

  /**
   * Ends a run that this worker holds, its report included.
   * @throws HoldLost
   */
  async end(tx: Transaction, { runId, epoch }: Hold, status: RunStatus, end: RunEnd): Promise<void> {
    const [, count] = await tx.query<[unknown, number]>(
      `UPDATE runs
       SET status = $3, failure = $4, ended_by_scope = $5, ended_by_version = $6, finished_at = clock_timestamp(),
           lease_owner = NULL, lease_expires_at = NULL
       WHERE id = $1 AND epoch = $2 AND status = 'RUNNING'`,
      [runId, epoch, status, ...endColumns(end)],
    );
    if (count === 0) throw new HoldLost(runId);
    if (end.report !== undefined) await tx.insert(RunReportEntity, { runId, report: end.report as object });
  }

  /**
   * Gives a run back so that another worker may take it; the attempt does not count.
   * @throws HoldLost
   */
  async handBack(tx: Transaction, { runId, epoch }: Hold): Promise<void> {
    const [, count] = await tx.query<[unknown, number]>(
      `UPDATE runs SET status = 'QUEUED', attempt = attempt - 1, lease_owner = NULL, lease_expires_at = NULL
       WHERE id = $1 AND epoch = $2 AND status = 'RUNNING'`,
      [runId, epoch],
    );
    if (count === 0) throw new HoldLost(runId);
  }
}

function endColumns({ failure, endedBy }: RunEnd): unknown[] {
  return [failure === undefined ? null : JSON.stringify(failure), endedBy?.scope ?? null, endedBy?.version ?? null];
}
