import {
  RUN_STATES,
  RUN_STATUSES,
  type RunParams,
  type RunState,
  type RunStatus,
  type RunView,
  statusesOf,
} from '@interlock/execution';
import { type Mode, MODES } from '@interlock/kill-switch';
import { constraint, Name, OneOf, Optional } from '../http/constraints.js';
import { PageQuery } from '../http/page.dto.js';

function Statuses(): PropertyDecorator {
  const allowed = `must be one or more of ${[...RUN_STATUSES, ...RUN_STATES].join(', ')}, separated by commas`;
  const test = (value: unknown) =>
    typeof value === 'string' && value.split(',').every((item) => expand(item).length > 0);
  return constraint('statuses', allowed, test, { type: String, example: 'queued,running' });
}

/** The stored statuses that a status or a public state stands for; none for any other text. */
function expand(text: string): RunStatus[] {
  const state = RUN_STATES.find((candidate) => candidate === text);
  return state === undefined ? RUN_STATUSES.filter((status) => status === text) : statusesOf(state);
}

export function statusesIn(text: string): RunStatus[] {
  return [...new Set(text.split(',').flatMap(expand))];
}

export class RunsQuery extends PageQuery {
  /** Stored statuses or public states, separated by commas. */
  @Optional()
  @Statuses()
  status?: string;

  @Optional()
  @OneOf(MODES)
  mode?: Mode;

  @Optional()
  @Name()
  strategy?: string;

  @Optional()
  @Name()
  pipeline?: string;
}

export class RunParamsAnswer implements RunParams {
  mode!: Mode;

  dryRun!: boolean;

  /** In units of collateral. */
  maxPosition!: number;

  /** @example 'calibration' */
  pipeline!: string;

  /** @example 'default' */
  strategy!: string;

  /** As the pipeline's schema completed it. */
  input!: Record<string, unknown>;

  notes?: string;
}

export class RunStageAnswer {
  name!: string;

  status!: string;

  /** ISO 8601, UTC. */
  startedAt!: string;

  finishedAt!: string | null;

  /** How far the stage is. */
  progress?: object;
}

export class RunFailureAnswer {
  stage!: string;

  reason!: string;

  /** Stage and reason in one line. */
  message!: string;
}

export class RunAnswerBody {
  runId!: string;

  jobId!: string;

  status!: RunStatus;

  state!: RunState;

  /** Counts from 1 with the first claim; 0 before it. */
  attempt!: number;

  params!: RunParamsAnswer;

  stages!: RunStageAnswer[];

  failure?: RunFailureAnswer;

  /** ISO 8601, UTC. */
  createdAt!: string;

  /** Of the first attempt. */
  startedAt?: string;

  finishedAt?: string;
}

export class RunAnswer {
  ok!: true;

  run!: RunAnswerBody;
}

export class RunsAnswer {
  ok!: true;

  /** Newest first. */
  items!: RunAnswerBody[];

  /** For the next page; null on the last one. */
  nextCursor!: string | null;
}

export class ReportAnswer {
  ok!: true;

  runId!: string;

  /** As the pipeline made it. */
  report!: Record<string, unknown>;
}

/** Fails to compile when the documented answer and the real one part. */
export function runAnswer(run: RunView): RunAnswer {
  return { ok: true, run };
}
