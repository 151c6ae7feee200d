import { setTimeout as delay } from 'node:timers/promises';
import { Settings } from '@interlock/config';
import { faultPoint } from '@interlock/observability';
import { type NewOpsEvent, OpsEvents } from '@interlock/ops-events';
import { isDatabaseUnavailable, type Transaction, Transactions } from '@interlock/persistence';
import { AutoKillSwitch } from '@interlock/risk-guards';
import { Injectable } from '@nestjs/common';
import { canceledBy } from './judge-claim.js';
import type { PipelineFailed, PipelineResult } from './pipeline.js';
import type { RunFailure, RunParams, RunStatus } from './run.js';
import { endEvent, failureSentence, runEvent } from './run-events.js';
import type { RunLease } from './run-lease.js';
import type { AbortCause } from './running-runs.js';
import { HoldLost, type Hold, type RunEnd, Runs } from './runs.repository.js';
import { haltSentence } from './start-blocked.js';

/** How the work of one attempt ended. */
export type RunOutcome =
  | { kind: 'completed'; result: PipelineResult }
  | { kind: 'failed'; failure: PipelineFailed }
  | { kind: 'aborted'; cause: AbortCause };

/** One attempt at a run that this worker holds. */
export interface Attempt {
  readonly hold: Hold;
  readonly params: RunParams;
  readonly outcome: RunOutcome;
  /** How long the pipeline ran, in milliseconds by the monotonic clock; absent when it never began. */
  readonly durationMs?: number;
  /** What the pipeline declares that a run may take, in milliseconds. */
  readonly expectedDurationMs?: number;
}

/** What an attempt comes to. */
export type Conclusion =
  | { kind: 'ended'; status: RunStatus }
  /** The attempt failed; the run is to be tried again after so many milliseconds. */
  | { kind: 'retry'; delayMs: number }
  /** The process is going away: another worker is to take the run. */
  | { kind: 'handed-back' };

/** While the database is away, a conclusion is tried again this often, as long as the lease is ours. */
const REPEAT_MS = 250;

/** Writes what becomes of a run after an attempt, with the events that tell of it. */
@Injectable()
export class RunConclusions {
  constructor(
    private readonly settings: Settings,
    private readonly transactions: Transactions,
    private readonly runs: Runs,
    private readonly events: OpsEvents,
    private readonly autoKillSwitch: AutoKillSwitch,
  ) {}

  /**
   * Writes the outcome. A database that is away is waited for, so that work which is done is not done again.
   * @throws HoldLost when the run is, or soon may be, somebody else's
   */
  async conclude(attempt: Attempt, lease: RunLease): Promise<Conclusion> {
    for (;;) {
      if (lease.lost) throw new HoldLost(attempt.hold.runId);
      try {
        return await this.transactions.run((tx) => this.write(tx, attempt));
      } catch (error) {
        if (!isDatabaseUnavailable(error)) throw error;
      }
      await delay(REPEAT_MS);
    }
  }

  private async write(tx: Transaction, attempt: Attempt): Promise<Conclusion> {
    const { hold, outcome, params, durationMs, expectedDurationMs } = attempt;
    const result = await this.writeOutcome(tx, hold, outcome);
    if (result.kind === 'ended') {
      // The last step: it holds a lock to the commit.
      await this.autoKillSwitch.observeRunEnd(tx, {
        runId: hold.runId,
        ...params,
        status: result.status,
        ...(durationMs === undefined ? {} : { durationMs }),
        ...(expectedDurationMs === undefined ? {} : { expectedDurationMs }),
      });
    }
    return result;
  }

  private writeOutcome(tx: Transaction, hold: Hold, outcome: RunOutcome): Promise<Conclusion> {
    switch (outcome.kind) {
      case 'completed':
        return this.end(tx, hold, 'COMPLETED', outcome.result, {});
      case 'failed':
        return this.fail(tx, hold, outcome.failure);
      case 'aborted':
        return this.abort(tx, hold, outcome.cause);
    }
  }

  private async fail(tx: Transaction, hold: Hold, { failure, retryable }: PipelineFailed): Promise<Conclusion> {
    const attemptsFailed = hold.failures + 1;
    const { jobAttempts, jobBackoffMs } = this.settings;
    const details = { reason: failureSentence(failure), stage: failure.stage, attemptsFailed, attempts: jobAttempts };
    if (retryable && attemptsFailed < jobAttempts) {
      const delayMs = jobBackoffMs * 2 ** (attemptsFailed - 1);
      await this.runs.retryLater(tx, hold, failure, delayMs);
      await this.events.record(tx, runEvent('worker_failed', hold, { ...details, retryInMs: delayMs }));
      return { kind: 'retry', delayMs };
    }
    const exhausted = retryable ? [runEvent('retry_exhausted', hold, details)] : [];
    return this.end(tx, hold, 'FAILED', { failure }, details, exhausted);
  }

  private async abort(tx: Transaction, hold: Hold, cause: AbortCause): Promise<Conclusion> {
    switch (cause.kind) {
      case 'hold-lost':
        throw new HoldLost(hold.runId);
      case 'shutdown':
        await this.runs.handBack(tx, hold);
        faultPoint('hand-back-before-commit');
        return { kind: 'handed-back' };
      case 'cancel':
        return this.cancel(tx, hold, { failure: canceledBy(cause.by) }, { actor: cause.by });
      case 'switch': {
        const { killSwitch } = cause;
        const failure = { stage: 'kill switch', reason: haltSentence(killSwitch) };
        return this.cancel(tx, hold, { failure, endedBy: killSwitch }, { scope: killSwitch.scope });
      }
      case 'blind':
        return this.cancel(tx, hold, { failure: { stage: 'kill switch', reason: 'it could not be read' } }, {});
    }
  }

  private cancel(
    tx: Transaction,
    hold: Hold,
    end: RunEnd & { failure: RunFailure },
    details: { actor?: string; scope?: string },
  ): Promise<Conclusion> {
    return this.end(tx, hold, 'CANCELED', end, { reason: failureSentence(end.failure), ...details });
  }

  private async end(
    tx: Transaction,
    hold: Hold,
    status: RunStatus,
    end: RunEnd,
    details: Record<string, unknown>,
    further: readonly NewOpsEvent[] = [],
  ): Promise<Conclusion> {
    await this.runs.end(tx, hold, status, end);
    const event = endEvent(status);
    await this.events.recordAll(tx, [...(event === undefined ? [] : [runEvent(event, hold, details)]), ...further]);
    return { kind: 'ended', status };
  }
}
