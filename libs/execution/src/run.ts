import type { Mode } from '@interlock/kill-switch';

export const RUN_STATUSES = [
  'QUEUED',
  'RETRYING',
  'RUNNING',
  'DRY_RUN_DONE',
  'COMPLETED',
  'FAILED',
  'ENQUEUE_FAILED',
  'EXPIRED',
  'BLOCKED',
  'CANCELED',
] as const;
/** A run's status as it is stored. */
export type RunStatus = (typeof RUN_STATUSES)[number];

export const RUN_STATES = ['queued', 'running', 'completed', 'failed', 'blocked', 'canceled'] as const;
/** A run's status as it is shown. */
export type RunState = (typeof RUN_STATES)[number];

const STATE_OF: Record<RunStatus, RunState> = {
  QUEUED: 'queued',
  RETRYING: 'queued',
  RUNNING: 'running',
  DRY_RUN_DONE: 'completed',
  COMPLETED: 'completed',
  FAILED: 'failed',
  ENQUEUE_FAILED: 'failed',
  EXPIRED: 'failed',
  BLOCKED: 'blocked',
  CANCELED: 'canceled',
};

/**
 * The only changes of status that there are. A worker that takes over a run whose lease ran out goes from RUNNING to RUNNING; a
 * worker that hands its run back, so that another may go on, goes to QUEUED.
 */
const TRANSITIONS: Record<RunStatus, readonly RunStatus[]> = {
  QUEUED: ['RUNNING', 'DRY_RUN_DONE', 'ENQUEUE_FAILED', 'EXPIRED', 'BLOCKED', 'CANCELED'],
  RETRYING: ['RUNNING', 'BLOCKED', 'CANCELED'],
  RUNNING: ['RUNNING', 'QUEUED', 'RETRYING', 'COMPLETED', 'FAILED', 'CANCELED', 'BLOCKED'],
  DRY_RUN_DONE: [],
  COMPLETED: [],
  FAILED: [],
  ENQUEUE_FAILED: [],
  EXPIRED: [],
  BLOCKED: [],
  CANCELED: [],
};

export function stateOf(status: RunStatus): RunState {
  return STATE_OF[status];
}

/** The stored statuses that are shown as this state. */
export function statusesOf(state: RunState): RunStatus[] {
  return RUN_STATUSES.filter((status) => STATE_OF[status] === state);
}

export function canBecome(from: RunStatus, to: RunStatus): boolean {
  return TRANSITIONS[from].includes(to);
}

/** True when the run will never change again. */
export function isFinal(status: RunStatus): boolean {
  return TRANSITIONS[status].length === 0;
}

/** What a run was asked to do; never changes after the start. */
export interface RunParams {
  mode: Mode;
  dryRun: boolean;
  /** In units of collateral. */
  maxPosition: number;
  pipeline: string;
  strategy: string;
  /** As the pipeline's schema completed it. */
  input: Record<string, unknown>;
  notes?: string;
}

export const STAGE_STATUSES = ['RUNNING', 'COMPLETED', 'FAILED', 'CANCELED'] as const;
export type StageStatus = (typeof STAGE_STATUSES)[number];

/** Why a run failed: the stage it was in and a sentence. */
export interface RunFailure {
  stage: string;
  reason: string;
}
