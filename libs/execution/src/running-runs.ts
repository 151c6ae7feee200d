import { type Halt, KillSwitchWatch, type Scope } from '@interlock/kill-switch';
import { Injectable } from '@nestjs/common';

/** Why running work was told to end. */
export type AbortCause = Halt | { kind: 'lease-lost' } | { kind: 'shutdown' };

/** Thrown by, and set as the reason of, an aborted signal. */
export class RunAborted extends Error {
  constructor(readonly why: AbortCause) {
    super(`the run was told to end: ${why.kind}`);
    this.name = 'RunAborted';
  }
}

/** One piece of running work in this process. */
export interface RunningWork {
  readonly signal: AbortSignal;
  abort(cause: AbortCause): void;
  /** Says that the work is silent. */
  end(): void;
}

/** The runs that this process works on, so that they can be told to end. */
@Injectable()
export class RunningRuns {
  private readonly works = new Map<AbortController, readonly Scope[]>();
  private shuttingDown = false;

  constructor(private readonly watch: KillSwitchWatch) {
    watch.onReading(() => this.abortHalted());
  }

  /**
   * Registers work before it is claimed: a switch that is turned on just after the claim must already find it (safety.md, R4).
   */
  begin(scopes: readonly Scope[]): RunningWork {
    const controller = new AbortController();
    this.works.set(controller, scopes);
    if (this.shuttingDown) abort(controller, { kind: 'shutdown' });
    return {
      signal: controller.signal,
      abort: (cause) => abort(controller, cause),
      end: () => this.works.delete(controller),
    };
  }

  /** Tells all work to end, now and later: the process is going away. */
  shutDown(): void {
    this.shuttingDown = true;
    for (const controller of this.works.keys()) abort(controller, { kind: 'shutdown' });
  }

  get count(): number {
    return this.works.size;
  }

  private abortHalted(): void {
    for (const [controller, scopes] of this.works) {
      const halt = this.watch.haltOver(scopes);
      if (halt !== undefined) abort(controller, halt);
    }
  }
}

/** The first cause stays: it is the one that ended the work. */
function abort(controller: AbortController, cause: AbortCause): void {
  if (!controller.signal.aborted) controller.abort(new RunAborted(cause));
}
