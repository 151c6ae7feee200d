import {
  type InputVerdict,
  Pipeline,
  type PipelineContext,
  type PipelineResult,
} from '../../libs/execution/src/pipeline.js';

/** A pipeline that does what the test says. */
export class ScriptedPipeline extends Pipeline {
  readonly name: string;
  /** How often its work was begun, by run. */
  readonly begun = new Map<string, number>();

  constructor(
    private readonly script: (context: PipelineContext) => Promise<PipelineResult>,
    name = 'calibration',
  ) {
    super();
    this.name = name;
  }

  checkInput(input: Record<string, unknown>): Promise<InputVerdict> {
    return Promise.resolve({ ok: true, input });
  }

  run(context: PipelineContext): Promise<PipelineResult> {
    this.begun.set(context.runId, (this.begun.get(context.runId) ?? 0) + 1);
    return this.script(context);
  }
}

/** Work that goes on until it is told to end. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = () => reject(signal.reason as Error);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}
