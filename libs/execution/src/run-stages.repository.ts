import type { Transaction } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import type { StageProgress } from './pipeline.js';
import type { StageStatus } from './run.js';
import { type Hold, HoldLost } from './runs.repository.js';

/** The statements that change a run's stages. Each holds only under the worker's epoch (safety.md, R4). */
@Injectable()
export class RunStages {
  /** Results of the stages that earlier attempts completed, by name. */
  async completedResults(tx: Transaction, runId: string): Promise<Map<string, unknown>> {
    const rows = await tx.query<{ name: string; result: unknown }[]>(
      `SELECT name, result FROM run_stages WHERE run_id = $1 AND status = 'COMPLETED'`,
      [runId],
    );
    return new Map(rows.map((row) => [row.name, row.result]));
  }

  /** Ends the stages that an earlier attempt left running, because its worker was lost: this one may carry out others. */
  async cancelRunning(tx: Transaction, { runId, epoch }: Hold): Promise<void> {
    await tx.query(
      `WITH held AS (SELECT id FROM runs WHERE id = $1 AND epoch = $2 AND status = 'RUNNING' FOR SHARE)
       UPDATE run_stages SET status = 'CANCELED', finished_at = clock_timestamp()
       FROM held WHERE run_id = held.id AND run_stages.status = 'RUNNING'`,
      [runId, epoch],
    );
  }

  /** @throws HoldLost */
  async begin(tx: Transaction, { runId, epoch }: Hold, name: string, position: number): Promise<void> {
    const rows = await tx.query<unknown[]>(
      `INSERT INTO run_stages (run_id, name, position, status, started_at)
       SELECT id, $3, $4, 'RUNNING', clock_timestamp() FROM runs WHERE id = $1 AND epoch = $2 AND status = 'RUNNING' FOR SHARE
       ON CONFLICT (run_id, name) DO UPDATE
         SET status = 'RUNNING', position = excluded.position, started_at = excluded.started_at, finished_at = NULL,
             result = NULL, progress = NULL
       RETURNING name`,
      [runId, epoch, name, position],
    );
    if (rows.length === 0) throw new HoldLost(runId);
  }

  /** @throws HoldLost */
  async end(tx: Transaction, hold: Hold, name: string, status: StageStatus, result?: unknown): Promise<void> {
    await this.update(tx, hold, `status = $4, result = $5, finished_at = clock_timestamp()`, [
      name,
      status,
      result === undefined ? null : JSON.stringify(result),
    ]);
  }

  /** @throws HoldLost */
  async progress(tx: Transaction, hold: Hold, name: string, progress: StageProgress): Promise<void> {
    await this.update(tx, hold, `progress = $4`, [name, JSON.stringify(progress)]);
  }

  private async update(tx: Transaction, hold: Hold, change: string, parameters: unknown[]): Promise<void> {
    // The run's row is locked as well, so that a takeover cannot slip in between the check and the write.
    const [, count] = await tx.query<[unknown, number]>(
      `WITH held AS (SELECT id FROM runs WHERE id = $1 AND epoch = $2 AND status = 'RUNNING' FOR SHARE)
       UPDATE run_stages SET ${change} FROM held WHERE run_id = held.id AND name = $3`,
      [hold.runId, hold.epoch, ...parameters],
    );
    if (count === 0) throw new HoldLost(hold.runId);
  }
}
