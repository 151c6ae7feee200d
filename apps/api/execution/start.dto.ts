import { type Mode, MODES } from '@interlock/kill-switch';
import { JsonObject, Name, OneOf, Optional, PositiveAmount, TextUpTo, TrueOrFalse } from '../http/constraints.js';
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
}

export class StartAnswer {
  ok!: true;

  runId!: string;

  jobId!: string;

  /** @example 'queued' */
  state!: 'queued';

  /** @example 'execution_start' */
  queue!: string;

  params!: RunParamsAnswer;
}
