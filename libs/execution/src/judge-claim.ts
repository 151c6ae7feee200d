import type { RunFailure, RunStatus } from './run.js';
import type { ClaimableRun, RunEnd } from './runs.repository.js';
import { refusalSentence, type StartRefusal } from './start-blocked.js';

/** A run whose worker is lost this often is given up: something about it ends its workers. */
export const MAXIMUM_WORKER_LOSSES = 5;

/** What becomes of a run at its claim. */
export type ClaimVerdict =
  | { kind: 'take' }
  | { kind: 'end'; status: RunStatus; end: RunEnd; because: 'cancel' | 'losses' | 'age' }
  | { kind: 'end'; status: RunStatus; end: RunEnd; because: 'refusal'; refusal: StartRefusal };

/**
 * Decides over a run that can be claimed.
 * @param refusal what switches and guards say about it now
 */
export function judgeClaim(run: ClaimableRun, refusal: StartRefusal | undefined): ClaimVerdict {
  if (run.cancelRequestedBy !== null) {
    return { ...ended('CANCELED', canceledBy(run.cancelRequestedBy)), because: 'cancel' };
  }
  if (run.expired) {
    return { ...ended('EXPIRED', { stage: 'claim', reason: 'it waited too long for its start' }), because: 'age' };
  }
  if (refusal !== undefined && !mayGoOn(run, refusal)) return blocked(run, refusal);
  if (run.status === 'RUNNING' && run.workerLosses + 1 >= MAXIMUM_WORKER_LOSSES) {
    const reason = `its worker was lost ${MAXIMUM_WORKER_LOSSES} times`;
    return { ...ended('FAILED', { stage: 'worker', reason }), because: 'losses' };
  }
  return { kind: 'take' };
}

export function canceledBy(name: string): RunFailure {
  return { stage: 'cancel', reason: `canceled by ${name}` };
}

/** A switch at `reduce` lets runs that have begun go on; only new ones are refused (safety.md, K7). */
function mayGoOn(run: ClaimableRun, refusal: StartRefusal): boolean {
  return run.everStarted && refusal.kind === 'kill-switch' && refusal.killSwitch.level === 'reduce';
}

function blocked(run: ClaimableRun, refusal: StartRefusal): ClaimVerdict {
  const failure = { stage: 'claim', reason: refusalSentence(refusal) };
  const end = refusal.kind === 'kill-switch' ? { failure, endedBy: refusal.killSwitch } : { failure };
  // What was running when its worker was lost is running work that the switch has ended.
  const status = run.status === 'RUNNING' && refusal.kind === 'kill-switch' ? 'CANCELED' : 'BLOCKED';
  return { kind: 'end', status, end, because: 'refusal', refusal };
}

function ended(status: RunStatus, failure: RunFailure) {
  return { kind: 'end' as const, status, end: { failure } };
}
