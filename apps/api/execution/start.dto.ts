import { RUN_STATES, type RunState } from '@interlock/execution';
import { type Mode, MODES } from '@interlock/kill-switch';
import { ApiProperty } from '@nestjs/swagger';
import { ID, OK } from '../docs/fields.js';
import { JsonObject, Name, OneOf, Optional, PositiveAmount, TextUpTo, TrueOrFalse } from '../http/constraints.js';
import { IdempotencyKey } from './idempotency-key.js';
import { RunParamsAnswer } from '../runs/runs.dto.js';

/** What to run. An empty body means all defaults. */
export class StartBody {
  /** Which world orders would go to. */
  @Optional()
  @OneOf(MODES)
  mode: Mode = 'mock';

  /** True: everything up to the pipeline is done and the run ends DRY_RUN_DONE. */
  @Optional()
  @TrueOrFalse()
  dryRun: boolean = true;

  /** The largest position the run may build, in units of collateral. */
  @Optional()
  @PositiveAmount()
  maxPosition: number = 1_000_000;

  /**
   * For people; shown with the run.
   * @example 'first try'
   */
  @Optional()
  @TextUpTo(1200)
  notes?: string;

  /**
   * A known pipeline; the setting DEFAULT_PIPELINE when absent.
   * @example 'calibration'
   */
  @Optional()
  @Name()
  pipeline?: string;

  /** Whom scoped switches and limits apply to. */
  @Optional()
  @Name()
  strategy: string = 'default';

  /** What the pipeline needs; it has a schema of its own. */
  @Optional()
  @JsonObject()
  input: Record<string, unknown> = {};

  /**
   * Makes the start safe to repeat: any number of starts with one key and strategy make one run. May stand in the header
   * `idempotency-key` as well.
   */
  @Optional()
  @IdempotencyKey()
  idempotencyKey?: string;
}

export class StartAnswer {
  @ApiProperty(OK)
  ok!: true;

  @ApiProperty(ID)
  runId!: string;

  /** Of the job in the queue; the same as the run's. */
  @ApiProperty(ID)
  jobId!: string;

  /** Queued; of a repeated start the run's present state. */
  @ApiProperty({ enum: RUN_STATES })
  state!: RunState;

  /** True when the key's run existed already. */
  @ApiProperty({ type: Boolean, enum: [true] })
  replayed?: true;

  @ApiProperty({ enum: ['execution_start'] })
  queue!: string;

  @ApiProperty()
  params!: RunParamsAnswer;
}
