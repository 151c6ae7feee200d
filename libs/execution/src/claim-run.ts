import { hostname } from 'node:os';
import { Settings } from '@interlock/config';
import { scopesOver } from '@interlock/kill-switch';
import { faultPoint } from '@interlock/observability';
import { BoundedEvents, OpsEvents } from '@interlock/ops-events';
import { isDatabaseUnavailable, SharedBatches, type Transaction, Transactions } from '@interlock/persistence';
import { AutoKillSwitch, RiskGuards, RiskStateUnavailable } from '@interlock/risk-guards';
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

/** A run to claim, with what it was asked to do. */
interface Candidate {
  readonly runId: string;
  readonly params: RunParams;
}

/** Names this process in leases, for people who look into the tables; the epoch is what fences. */
const LEASE_OWNER = `${hostname()}:${process.pid}`;

/** Claims runs for this worker. */
@Injectable()
export class RunClaims {
  /** Claims of one process share a transaction: one is under way, the next one fills meanwhile. */
  private readonly batches = new SharedBatches<Candidate, Claim>(
    (candidates) => this.transactions.run((tx) => this.claimAll(tx, candidates)),
    (error) => isDatabaseUnavailable(error) || error instanceof RiskStateUnavailable,
  );

  constructor(
    private readonly settings: Settings,
    private readonly transactions: Transactions,
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
    return this.batches.add({ runId, params });
  }

  private async claimAll(tx: Transaction, candidates: readonly Candidate[]): Promise<Claim[]> {
    const judged = await this.judge(tx, candidates);
    const taken = judged.flatMap((one) => (one?.verdict.kind === 'take' ? [one.run.runId] : []));
    const holds = await this.runs.claim(tx, taken, LEASE_OWNER, this.settings.runLeaseMs);
    faultPoint('claim-in-transaction');
    const dryRuns = [...holds.values()].filter(({ dryRun }) => dryRun);
    await this.events.recordAll(
      tx,
      dryRuns.map((hold) => runEvent('run_completed', hold, { dryRun: true })),
    );

    const claims: Claim[] = [];
    for (const one of judged) {
      if (one === undefined) claims.push({ kind: 'nothing-to-do' });
      // The last step: it holds a lock to the commit.
      else if (one.verdict.kind === 'end') claims.push(await this.end(tx, one.run, one.params, one.verdict));
      else claims.push(claimOf(holds.get(one.run.runId)));
    }
    return claims;
  }

  /** What becomes of each; undefined when there is nothing to claim. A run that came twice is claimed once. */
  private async judge(tx: Transaction, candidates: readonly Candidate[]) {
    const runIds = candidates.map(({ runId }) => runId);
    const scopes = candidates.flatMap(({ params }) => scopesOver(params));
    const modes = candidates.map(({ params }) => params.mode);
    const opened = await this.runs.openClaims(tx, runIds, { scopes, modes }, this.settings.runStartMaxAgeMs);
    const { enabled, risk } = this.guards.admissionOf(opened, 'claim');
    const claimable = new Map(opened.runs.map((run) => [run.runId, run]));
    return candidates.map(({ runId, params }) => {
      const run = claimable.get(runId);
      if (run === undefined) return undefined;
      claimable.delete(runId);
      return { run, params, verdict: judgeClaim(run, judgeStart(params, enabled, risk)) };
    });
  }

  private async end(
    tx: Transaction,
    { runId, attempt }: ClaimableRun,
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

function claimOf(hold: (Hold & { dryRun: boolean }) | undefined): Claim {
  if (hold === undefined) throw new Error('a run was to be claimed whose row is not locked');
  const { dryRun, ...rest } = hold;
  return dryRun ? { kind: 'ended', status: 'DRY_RUN_DONE' } : { kind: 'held', hold: rest };
}
