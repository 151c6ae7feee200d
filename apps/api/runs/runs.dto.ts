import {
  RUN_STATES,
  RUN_STATUSES,
  type RunParams,
  type RunState,
  type RunStatus,
  type RunView,
  STAGE_STATUSES,
  type StageStatus,
  statusesOf,
} from '@interlock/execution';
import { type Mode, MODES } from '@interlock/kill-switch';
import { ApiProperty } from '@nestjs/swagger';
import { ANY_OBJECT, COUNT, ID, NAME, OK, TIME } from '../docs/fields.js';
import { constraint, Name, OneOf, Optional } from '../http/constraints.js';
import { NEXT_CURSOR, PageQuery } from '../http/page.dto.js';

function Statuses(): PropertyDecorator {
  const allowed = `must be one or more of ${[...RUN_STATUSES, ...RUN_STATES].join(', ')}, separated by commas`;
  const test = (value: unknown) =>
    typeof value === 'string' && value.split(',').every((item) => expand(item).length > 0);
  const one = [...RUN_STATUSES, ...RUN_STATES].join('|');
  return constraint('statuses', allowed, test, {
    type: String,
    pattern: `^(${one})(,(${one}))*$`,
    example: 'queued,running',
  });
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

  /** Only runs of this mode. */
  @Optional()
  @OneOf(MODES)
  mode?: Mode;

  /** Only runs of this strategy. */
  @Optional()
  @Name()
  strategy?: string;

  /** Only runs of this pipeline. */
  @Optional()
  @Name()
  pipeline?: string;
}

export class RunParamsAnswer implements RunParams {
  @ApiProperty({ enum: MODES })
  mode!: Mode;

  @ApiProperty()
  dryRun!: boolean;

  /** In units of collateral. */
  @ApiProperty({ minimum: 0, exclusiveMinimum: true, example: 1_000_000 })
  maxPosition!: number;

  /** @example 'calibration' */
  @ApiProperty(NAME)
  pipeline!: string;

  /** @example 'default' */
  @ApiProperty(NAME)
  strategy!: string;

  /** As the pipeline's schema completed it. */
  @ApiProperty(ANY_OBJECT)
  input!: Record<string, unknown>;

  @ApiProperty()
  notes?: string;
}

export class StageProgressAnswer {
  @ApiProperty({ minimum: 0 })
  done!: number;

  /** Null when it is not known. */
  @ApiProperty({ minimum: 0 })
  total!: number | null;

  /**
   * What is counted.
   * @example 'rows'
   */
  @ApiProperty()
  unit!: string;
}

export class RunStageAnswer {
  /** @example 'load' */
  @ApiProperty()
  name!: string;

  @ApiProperty({ enum: STAGE_STATUSES })
  status!: StageStatus;

  @ApiProperty(TIME)
  startedAt!: string;

  /** Null while it goes on. */
  @ApiProperty(TIME)
  finishedAt!: string | null;

  /** How far a long stage has come. */
  @ApiProperty()
  progress?: StageProgressAnswer;
}

export class RunFailureAnswer {
  /** The stage it was in. */
  @ApiProperty()
  stage!: string;

  @ApiProperty()
  reason!: string;

  /** Stage and reason in one line. */
  @ApiProperty()
  message!: string;
}

export class RunAnswerBody {
  @ApiProperty(ID)
  runId!: string;

  /** Of the job in the queue; the same as the run's. */
  @ApiProperty(ID)
  jobId!: string;

  /** As it is stored. */
  @ApiProperty({ enum: RUN_STATUSES })
  status!: RunStatus;

  /** The same in fewer words: `queued`, `running`, or how it ended. */
  @ApiProperty({ enum: RUN_STATES })
  state!: RunState;

  /** Counts from 1 with the first claim; 0 before it. */
  @ApiProperty(COUNT)
  attempt!: number;

  @ApiProperty()
  params!: RunParamsAnswer;

  /** Of the last attempt, in order. */
  @ApiProperty()
  stages!: RunStageAnswer[];

  /** Why it failed, was blocked or canceled. */
  @ApiProperty()
  failure?: RunFailureAnswer;

  @ApiProperty(TIME)
  createdAt!: string;

  /** Of the first attempt. */
  @ApiProperty(TIME)
  startedAt?: string;

  @ApiProperty(TIME)
  finishedAt?: string;
}

export class RunAnswer {
  @ApiProperty(OK)
  ok!: true;

  @ApiProperty()
  run!: RunAnswerBody;
}

export class RunsAnswer {
  @ApiProperty(OK)
  ok!: true;

  /** Newest first. */
  @ApiProperty()
  items!: RunAnswerBody[];

  /** For the next page; null on the last one. */
  @ApiProperty(NEXT_CURSOR)
  nextCursor!: string | null;
}

/** Fails to compile when the documented answer and the real one part. */
export function runAnswer(run: RunView): RunAnswer {
  return { ok: true, run };
}
