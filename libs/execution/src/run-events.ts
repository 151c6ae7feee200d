import type { EventName, NewOpsEvent } from '@interlock/ops-events';
import type { RunFailure, RunStatus } from './run.js';

interface RunAttempt {
  readonly runId: string;
  readonly attempt: number;
}

/** An event about one attempt of a run, as the worker reports it. */
export function runEvent(
  event: EventName,
  { runId, attempt }: RunAttempt,
  { reason, actor, ...details }: { reason?: string; actor?: string } & Record<string, unknown> = {},
): NewOpsEvent {
  return {
    event,
    source: 'worker',
    runId,
    jobId: runId,
    ...(reason === undefined ? {} : { reason }),
    ...(actor === undefined ? {} : { actor }),
    details: { attempt, ...details },
  };
}

/** `stage: reason`, as failures are told. */
export function failureSentence({ stage, reason }: RunFailure): string {
  return `${stage}: ${reason}`;
}

/** The event that tells of a run's end, for the statuses whose end has one of its own. */
export function endEvent(status: RunStatus): EventName | undefined {
  switch (status) {
    case 'COMPLETED':
    case 'DRY_RUN_DONE':
      return 'run_completed';
    case 'CANCELED':
      return 'run_canceled';
    case 'EXPIRED':
      return 'run_expired';
    case 'FAILED':
      return 'worker_failed';
    case 'BLOCKED': // told as execution_start_blocked, with rule and limit
    case 'ENQUEUE_FAILED': // told to the caller
    case 'QUEUED':
    case 'RETRYING':
    case 'RUNNING':
      return undefined;
  }
}
