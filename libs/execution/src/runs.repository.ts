import type { KillSwitch, Mode, Scope } from '@interlock/kill-switch';
import type { Transaction } from '@interlock/persistence';
import { type AdmissionRecord, guarded } from '@interlock/risk-guards';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { RunFailure, RunParams, RunStatus } from './run.js';
import { RunEntity, RunReportEntity } from './run.entity.js';
import { RunMetrics } from './run-metrics.js';

/** A run about to be stored as QUEUED. `id` is a UUIDv7. */
export interface NewRun {
  readonly id: string;
  readonly params: RunParams;
  readonly idempotencyKey: string | undefined;
}

/** A run that waits for a worker, or whose worker has let its lease run out; its row is locked. */
export interface ClaimableRun {
  readonly runId: string;
  readonly status: 'QUEUED' | 'RETRYING' | 'RUNNING';
  readonly attempt: number;
  /** How often its worker was lost before. */
  readonly workerLosses: number;
  readonly cancelRequestedBy: string | null;
  /** Some attempt has begun. */
  readonly everStarted: boolean;
  /** It never started, and by now must not any more. */
  readonly expired: boolean;
}

/** A worker's hold on a run. Everything the worker writes names the epoch, and is refused once there is a later one (R4). */
export interface Hold {
  readonly runId: string;
  readonly epoch: number;
  readonly attempt: number;
  /** Attempts that failed before this one. */
  readonly failures: number;
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

/** UPDATE … RETURNING as TypeORM answers it: the rows and their number. */
type Updated<T> = [T[], number];

/** The statements that change runs. Times are the database's, so that no process's clock matters. */
@Injectable()
export class Runs {
  constructor(
    private readonly metrics: RunMetrics,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  async insert(tx: Transaction, runs: readonly NewRun[]): Promise<void> {
    if (runs.length === 0) return;
    const rows = runs.map(({ id, params, idempotencyKey }) => ({
      id,
      ...params,
      maxPosition: String(params.maxPosition),
      idempotencyKey,
    }));
    await tx.query(
      `INSERT INTO runs (id, status, mode, dry_run, max_position, pipeline, strategy, input, notes, idempotency_key)
       SELECT id, 'QUEUED', mode, "dryRun", "maxPosition", pipeline, strategy, input, notes, "idempotencyKey"
       FROM jsonb_to_recordset($1::jsonb) AS row(id uuid, mode text, "dryRun" boolean, "maxPosition" numeric, pipeline text,
                                                 strategy text, input jsonb, notes text, "idempotencyKey" text)`,
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
    const [rows] = await tx.query<Updated<{ id: string }>>(
      `UPDATE runs SET status = 'ENQUEUE_FAILED', finished_at = clock_timestamp()
       WHERE id = ANY($1::uuid[]) AND status = 'QUEUED' RETURNING id`,
      [runIds],
    );
    this.metrics.ended(tx, 'ENQUEUE_FAILED', rows.length);
    return new Set(rows.map((row) => row.id));
  }

  /**
   * Locks the kill switches of the scopes, then the rows of those runs that can be claimed, and reads both and what the guards compare
   * with. A run is missing when there is nothing to claim: it has ended, or another worker holds it.
   * @param startMaxAgeMs after how long a run that never started must not start any more
   * @throws RiskStateUnavailable when something cannot be read; a lost database stays a database error
   */
  async openClaims(
    tx: Transaction,
    runIds: readonly string[],
    over: { scopes: readonly Scope[]; modes: readonly Mode[] },
    startMaxAgeMs: number,
  ): Promise<AdmissionRecord & { runs: ClaimableRun[] }> {
    const [row] = await guarded(
      tx.query<[{ opened: AdmissionRecord & { runs: ClaimableRun[] } }]>(
        'SELECT open_claims($1::uuid[], $2::text[], $3::text[], $4) AS opened',
        [runIds, over.scopes, over.modes, startMaxAgeMs],
      ),
    );
    return row.opened;
  }

  /**
   * Takes runs whose rows `openClaims` has locked; taking one from a lost worker counts as a loss. A dry run is over with it: the
   * pipeline is what it leaves out.
   * @returns by run id
   */
  async claim(
    tx: Transaction,
    runIds: readonly string[],
    owner: string,
    leaseMs: number,
  ): Promise<Map<string, Hold & { dryRun: boolean }>> {
    if (runIds.length === 0) return new Map();
    const [holds] = await tx.query<Updated<Hold & { dryRun: boolean }>>(
      `UPDATE runs
       SET worker_losses = worker_losses + CASE status WHEN 'RUNNING' THEN 1 ELSE 0 END,
           status = CASE WHEN dry_run THEN 'DRY_RUN_DONE' ELSE 'RUNNING' END,
           epoch = epoch + 1, attempt = attempt + 1, retry_at = NULL,
           lease_owner = CASE WHEN NOT dry_run THEN $2 END,
           lease_expires_at = CASE WHEN NOT dry_run THEN clock_timestamp() + $3 * interval '1 millisecond' END,
           started_at = coalesce(started_at, clock_timestamp()),
           finished_at = CASE WHEN dry_run THEN clock_timestamp() END
       WHERE id = ANY($1::uuid[]) RETURNING id AS "runId", epoch, attempt, failures, dry_run AS "dryRun"`,
      [runIds, owner, leaseMs],
    );
    this.metrics.ended(tx, 'DRY_RUN_DONE', holds.filter(({ dryRun }) => dryRun).length);
    return new Map(holds.map((hold) => [hold.runId, hold]));
  }

  /** What runs were asked to do, by run id; those that do not exist are missing. */
  async params(runIds: readonly string[]): Promise<Map<string, RunParams>> {
    const rows = await this.dataSource.query<(RunParams & { id: string; notes: string | null })[]>(
      `SELECT id, mode, dry_run AS "dryRun", max_position::double precision AS "maxPosition", pipeline, strategy, input, notes
       FROM runs WHERE id = ANY($1::uuid[])`,
      [runIds],
    );
    return new Map(rows.map(({ id, notes, ...params }) => [id, notes === null ? params : { ...params, notes }]));
  }

  /** Ends a run whose row is locked, without its being carried out (any further). */
  async endLocked(tx: Transaction, runId: string, status: RunStatus, end: RunEnd): Promise<void> {
    await tx.query(
      `UPDATE runs
       SET status = $2, failure = $3, ended_by_scope = $4, ended_by_version = $5, finished_at = clock_timestamp(),
           worker_losses = worker_losses + CASE status WHEN 'RUNNING' THEN 1 ELSE 0 END,
           lease_owner = NULL, lease_expires_at = NULL
       WHERE id = $1`,
      [runId, status, ...endColumns(end)],
    );
    this.metrics.ended(tx, status);
  }

  /**
   * Makes sure, to the end of the transaction, that the run is still held.
   * @throws HoldLost
   */
  async confirm(tx: Transaction, { runId, epoch }: Pick<Hold, 'runId' | 'epoch'>): Promise<void> {
    const held = await tx.query<unknown[]>(
      `SELECT 1 FROM runs WHERE id = $1 AND epoch = $2 AND status = 'RUNNING' FOR SHARE`,
      [runId, epoch],
    );
    if (held.length === 0) throw new HoldLost(runId);
  }

  /**
   * Renews a lease.
   * @returns who asked for the run to be cancelled, or null
   * @throws HoldLost
   */
  async renew(tx: Transaction, { runId, epoch }: Hold, leaseMs: number): Promise<string | null> {
    const [[row]] = await tx.query<Updated<{ cancelRequestedBy: string | null }>>(
      `UPDATE runs SET lease_expires_at = clock_timestamp() + $3 * interval '1 millisecond'
       WHERE id = $1 AND epoch = $2 AND status = 'RUNNING' RETURNING cancel_requested_by AS "cancelRequestedBy"`,
      [runId, epoch, leaseMs],
    );
    if (row === undefined) throw new HoldLost(runId);
    return row.cancelRequestedBy;
  }

  /**
   * Ends a run that this worker holds, its report included.
   * @throws HoldLost
   */
  async end(tx: Transaction, hold: Hold, status: RunStatus, end: RunEnd): Promise<void> {
    await this.letGo(
      tx,
      hold,
      `status = $3, failure = $4, ended_by_scope = $5, ended_by_version = $6, finished_at = clock_timestamp()`,
      [status, ...endColumns(end)],
    );
    this.metrics.ended(tx, status);
    if (end.report !== undefined) {
      await tx.insert(RunReportEntity, { runId: hold.runId, report: end.report as object });
    }
  }

  /**
   * Lets a run wait for its next attempt after this one failed.
   * @throws HoldLost
   */
  async retryLater(tx: Transaction, hold: Hold, failure: RunFailure, delayMs: number): Promise<void> {
    await this.letGo(
      tx,
      hold,
      `status = 'RETRYING', failures = failures + 1, failure = $3,
       retry_at = clock_timestamp() + $4 * interval '1 millisecond', nudged_at = clock_timestamp()`,
      [JSON.stringify(failure), delayMs],
    );
  }

  /**
   * Gives a run back so that another worker may take it; the attempt does not count.
   * @throws HoldLost
   */
  async handBack(tx: Transaction, hold: Hold): Promise<void> {
    await this.letGo(tx, hold, `status = 'QUEUED', attempt = attempt - 1, nudged_at = clock_timestamp()`, []);
  }

  /** @throws HoldLost */
  private async letGo(tx: Transaction, { runId, epoch }: Hold, change: string, parameters: unknown[]): Promise<void> {
    const [, count] = await tx.query<Updated<unknown>>(
      `UPDATE runs SET ${change}, lease_owner = NULL, lease_expires_at = NULL
       WHERE id = $1 AND epoch = $2 AND status = 'RUNNING'`,
      [runId, epoch, ...parameters],
    );
    if (count === 0) throw new HoldLost(runId);
  }
}

function endColumns({ failure, endedBy }: RunEnd): unknown[] {
  return [failure === undefined ? null : JSON.stringify(failure), endedBy?.scope ?? null, endedBy?.version ?? null];
}
