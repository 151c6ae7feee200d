import type { StageProgress } from './pipeline.js';
import { type RunFailure, type RunParams, type RunState, type RunStatus, type StageStatus, stateOf } from './run.js';
import type { RunEntity, RunStageEntity } from './run.entity.js';

/** A run as it is shown. Times are ISO 8601 UTC. */
export interface RunView {
  runId: string;
  jobId: string;
  status: RunStatus;
  state: RunState;
  /** Counts from 1 with the first claim; 0 before it. */
  attempt: number;
  params: RunParams;
  stages: StageView[];
  failure?: RunFailure & { message: string };
  createdAt: string;
  startedAt?: string;
  finishedAt?: string;
}

export interface StageView {
  name: string;
  status: StageStatus;
  startedAt: string;
  finishedAt: string | null;
  progress?: StageProgress;
}

export function paramsOf(run: RunEntity): RunParams {
  const { mode, dryRun, pipeline, strategy, input, notes } = run;
  const params = { mode, dryRun, maxPosition: Number(run.maxPosition), pipeline, strategy, input };
  return notes === null ? params : { ...params, notes };
}

export function viewOf(run: RunEntity, stages: readonly RunStageEntity[]): RunView {
  return {
    runId: run.id,
    jobId: run.id,
    status: run.status,
    state: stateOf(run.status),
    attempt: run.attempt,
    params: paramsOf(run),
    stages: stages.map(stageViewOf),
    ...(run.failure === null
      ? {}
      : { failure: { ...run.failure, message: `${run.failure.stage}: ${run.failure.reason}` } }),
    createdAt: run.createdAt.toISOString(),
    ...(run.startedAt === null ? {} : { startedAt: run.startedAt.toISOString() }),
    ...(run.finishedAt === null ? {} : { finishedAt: run.finishedAt.toISOString() }),
  };
}

function stageViewOf(stage: RunStageEntity): StageView {
  return {
    name: stage.name,
    status: stage.status,
    startedAt: stage.startedAt.toISOString(),
    finishedAt: stage.finishedAt?.toISOString() ?? null,
    ...(stage.progress === null ? {} : { progress: stage.progress }),
  };
}
