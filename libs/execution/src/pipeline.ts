import type { OrderRequest, PlaceOrderResult } from '@interlock/orders';
import type { RunFailure, RunParams, StageStatus } from './run.js';

/** What a pipeline is given to do its work. */
export interface PipelineContext {
  readonly runId: string;
  readonly params: RunParams;
  /** Names this worker's hold on the run: what a pipeline writes for the run must be refused once there is a later one (R4). */
  readonly epoch: number;
  /** Aborted when the work must end at once: kill switch, cancel, lost lease, shutdown. Every stage must honour it. */
  readonly signal: AbortSignal;
  /**
   * Carries out one stage and stores its result, so that a later attempt resumes after it: a stage that completed before is not
   * carried out again, its stored result is returned.
   * @param work returns a JSON value
   */
  readonly stage: <T>(name: string, work: (progress: ReportProgress) => Promise<T>) => Promise<T>;
  /**
   * Places orders of the run's strategy at venues of its mode, one after the other, each if switches, guards and the market let it.
   * Each belongs to one decision of the run: a decision that an earlier attempt has carried out gives its order, not another one (R6).
   * @throws HoldLost when the run is another worker's by now
   */
  readonly placeOrders: (orders: readonly RunOrder[]) => Promise<PlaceOrderResult[]>;
  /** Shows a stage of work that is carried out elsewhere, inside of a stage of ours: its course, nothing to resume from. Cheap. */
  readonly show: (stage: ShownStage) => void;
}

/** An order that a run decides on. */
export interface RunOrder extends Omit<OrderRequest, 'strategy' | 'clientOrderId'> {
  /** Which of the run's decisions it is, the same in every attempt: 1 to 27 visible characters. */
  readonly decision: string;
}

/** A stage as the one who carries it out tells of it. */
export interface ShownStage {
  name: string;
  status: StageStatus;
  progress?: StageProgress;
}

/** Tells how far a long stage has come. Cheap: what comes too often is left out. */
export type ReportProgress = (progress: StageProgress) => void;

export interface StageProgress {
  done: number;
  /** Null when it is not known. */
  total: number | null;
  unit: string;
}

/** What a finished pipeline leaves behind. */
export interface PipelineResult {
  report?: Record<string, unknown>;
}

/** A pipeline's verdict on the input of a start: completed with defaults, or what is wrong by field (named `input.x`). */
export type InputVerdict =
  { ok: true; input: Record<string, unknown> } | { ok: false; fieldErrors: Record<string, string[]> };

/** The work of a run. */
export abstract class Pipeline {
  abstract readonly name: string;
  /** How long a run may well take, when that is longer than the latency threshold of the automatic kill switch; milliseconds. */
  readonly expectedDurationMs: number | undefined = undefined;
  /** Checks the input of a start against the pipeline's own schema. */
  abstract checkInput(input: Record<string, unknown>): Promise<InputVerdict>;
  abstract run(context: PipelineContext): Promise<PipelineResult>;
}

/** Injection token of every pipeline that there is. */
export const PIPELINES = Symbol('pipelines');

/** A pipeline's work failed in a way that it can name. Anything else that is thrown counts as retryable. */
export class PipelineFailed extends Error {
  constructor(
    readonly failure: RunFailure,
    readonly retryable: boolean,
  ) {
    super(`${failure.stage}: ${failure.reason}`);
    this.name = 'PipelineFailed';
  }
}
