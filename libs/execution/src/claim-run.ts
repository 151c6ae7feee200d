import { hostname } from 'node:os';
import { Settings } from '@interlock/config';
import { KillSwitches, scopesOver } from '@interlock/kill-switch';
import { faultPoint } from '@interlock/observability';
import { BoundedEvents, OpsEvents } from '@interlock/ops-events';
import { type Transaction, Transactions } from '@interlock/persistence';
import { AutoKillSwitch, RiskGuards } from '@interlock/risk-guards';
import { Injectable } from '@nestjs/common';
import { type ClaimVerdict, judgeClaim } from './judge-claim.js';
import { judgeStart } from './judge-start.js';
import type { RunParams, RunStatus } from './run.js';
import { endEvent, failureSentence, runEvent } from './run-events.js';
import { RunMetrics } from './run-metrics.js';
import { type ClaimableRun, type Hold, Runs } from './runs.repository.js';
import { startBlocked } from './start-blocked.js';

export type Claim =
  | { kind: 'held'; hold: Hold }
  | { kind: 'ended'; status: RunStatus }
  /** The run has ended, or another worker holds it. */
  | { kind: 'nothing-to-do' };

/** Names this process in leases, for people who look into the tables; the epoch is what fences. */
const LEASE_OWNER = `${hostname()}:${process.pid}`;

/** Claims runs for this worker. */
@Injectable()
export class RunClaims {
  constructor(
    private readonly settings: Settings,
    private readonly transactions: Transactions,
    private readonly switches: KillSwitches,
    private readonly guards: RiskGuards,
    private readonly runs: Runs,
    private readonly events: OpsEvents,
    private readonly boundedEvents: BoundedEvents,
    private readonly autoKillSwitch: AutoKillSwitch,
    private readonly metrics: RunMetrics,
  ) {}

  /**
   * Takes the run unless a switch, a guard, its age or a cancel forbids it now (safety.md: R4, K2, G2). A dry run is over with
   * it: the pipeline is what it leaves out.
   */
  claim(runId: string, params: RunParams): Promise<Claim> {
    const scopes = scopesOver(params);
    return this.transactions.run(async (tx) => {
      await this.switches.lockShared(tx, scopes);
      // A statement of its own, after the lock: only so does it see a toggle that we waited for.
      const enabled = await this.switches.readEnabled(tx, scopes);
      const run = await this.runs.lockClaimable(tx, runId, this.settings.runStartMaxAgeMs);
      if (run === null) return { kind: 'nothing-to-do' };

      const risk = await this.guards.open(tx, [params.mode], 'claim');
      const verdict = judgeClaim(run, judgeStart(params, enabled, risk));
      if (verdict.kind === 'end') return this.end(tx, runId, run, params, verdict);
      const hold = await this.runs.claim(tx, runId, LEASE_OWNER, this.settings.runLeaseMs);
      faultPoint('claim-in-transaction');
      if (!params.dryRun) return { kind: 'held', hold };
      await this.runs.end(tx, hold, 'DRY_RUN_DONE', {});
      await this.events.record(tx, runEvent('run_completed', hold, { dryRun: true }));
      return { kind: 'ended', status: 'DRY_RUN_DONE' };
    });
  }

  private async end(
    tx: Transaction,
    runId: string,
    { attempt }: ClaimableRun,
    params: RunParams,
    verdict: Extract<ClaimVerdict, { kind: 'end' }>,
  ): Promise<Claim> {
    const { status, end } = verdict;
    await this.runs.endLocked(tx, runId, status, end);
    if (verdict.because === 'refusal' && status === 'BLOCKED') {
      const blocked = startBlocked(params, verdict.refusal, { source: 'worker', runId, jobId: runId });
      await this.boundedEvents.record(tx, [blocked]);
      this.metrics.refusedAtClaim(tx, verdict.refusal);
    }
    const event = endEvent(status);
    const reason = end.failure === undefined ? '' : failureSentence(end.failure);
    if (event !== undefined) await this.events.record(tx, runEvent(event, { runId, attempt }, { reason }));
    await this.autoKillSwitch.observeRunEnd(tx, { runId, ...params, status }); // last: it holds a lock to the commit
    return { kind: 'ended', status };
  }
}
