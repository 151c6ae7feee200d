import { hostname } from 'node:os';
import { Settings } from '@interlock/config';
import { KillSwitches, scopesOver } from '@interlock/kill-switch';
import { BoundedEvents, type NewOpsEvent, OpsEvents } from '@interlock/ops-events';
import { type Transaction, Transactions } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import { judgeStart } from './judge-start.js';
import type { RunParams } from './run.js';
import { type Hold, Runs } from './runs.repository.js';
import { refusalSentence, startBlocked, type StartRefusal } from './start-blocked.js';

export type Claim =
  { kind: 'held'; hold: Hold } | { kind: 'ended'; status: 'BLOCKED' | 'DRY_RUN_DONE' } | { kind: 'nothing-to-do' };

/** Names this process in leases, for people who look into the tables; the epoch is what fences. */
const LEASE_OWNER = `${hostname()}:${process.pid}`;

/** Claims runs for this worker. */
@Injectable()
export class RunClaims {
  constructor(
    private readonly settings: Settings,
    private readonly transactions: Transactions,
    private readonly switches: KillSwitches,
    private readonly runs: Runs,
    private readonly events: OpsEvents,
    private readonly boundedEvents: BoundedEvents,
  ) {}

  /**
   * Takes the run unless a switch or guard forbids it now (safety.md: R4, K2, G2). A dry run is over with it: the pipeline is
   * what it leaves out.
   */
  claim(runId: string, params: RunParams): Promise<Claim> {
    const scopes = scopesOver(params);
    return this.transactions.run(async (tx) => {
      await this.switches.lockShared(tx, scopes);
      // A statement of its own, after the lock: only so does it see a toggle that we waited for.
      const refusal = judgeStart(params, await this.switches.readEnabled(tx, scopes), this.settings);
      if (refusal !== undefined) return this.block(tx, runId, params, refusal);

      const hold = await this.runs.claim(tx, runId, LEASE_OWNER, this.settings.runLeaseMs);
      if (hold === null) return { kind: 'nothing-to-do' };
      if (!params.dryRun) return { kind: 'held', hold };
      await this.runs.end(tx, hold, 'DRY_RUN_DONE', {});
      await this.events.record(tx, runEvent('run_completed', hold, { dryRun: true }));
      return { kind: 'ended', status: 'DRY_RUN_DONE' };
    });
  }

  private async block(tx: Transaction, runId: string, params: RunParams, refusal: StartRefusal): Promise<Claim> {
    const failure = { stage: 'claim', reason: refusalSentence(refusal) };
    const end = refusal.kind === 'kill-switch' ? { failure, endedBy: refusal.killSwitch } : { failure };
    if (!(await this.runs.endWaiting(tx, runId, 'BLOCKED', end))) return { kind: 'nothing-to-do' };
    const blocked = startBlocked(params, refusal, { source: 'worker', runId, jobId: runId });
    await this.events.recordAll(tx, this.boundedEvents.admit([blocked]));
    return { kind: 'ended', status: 'BLOCKED' };
  }
}

/** The event of a run's end. */
export function runEvent(
  event: 'run_completed' | 'run_canceled',
  { runId, attempt }: Hold,
  details: Record<string, unknown> = {},
  reason?: string,
): NewOpsEvent {
  return { event, source: 'worker', runId, jobId: runId, reason, details: { attempt, ...details } };
}
