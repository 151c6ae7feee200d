import { type Halt, KillSwitchWatch, type Scope } from '@interlock/kill-switch';
import { faultPoint } from '@interlock/observability';
import { Injectable } from '@nestjs/common';

/** Why running work was told to end. */
export type AbortCause =
  | Halt
  | { kind: 'cancel'; by: string }
  | { kind: 'hold-lost' }
  /** The process is going away; the run is to be handed back. */
  | { kind: 'shutdown' };

/** The reason of an aborted signal. */
export class RunAborted extends Error {
  constructor(readonly why: AbortCause) {
    super(`the run was told to end: ${why.kind}`);
    this.name = 'RunAborted';
  }
}

/** One piece of running work in this process. */
export interface RunningWork {
  readonly signal: AbortSignal;
  /** Tells the work to end; the first cause stays, since it is the one that ended it. */
  abort(cause: AbortCause): void;
  /** Says that the work is silent. */
  end(): void;
}

interface Entry {
  readonly runId: string;
  readonly scopes: readonly Scope[];
  readonly controller: AbortController;
}

/** The runs that this process works on, so that they can be told to end. */
@Injectable()
export class RunningRuns {
  private readonly entries = new Set<Entry>();
  private readonly emptied = new Set<() => void>();
  private shuttingDown = false;

  constructor(private readonly watch: KillSwitchWatch) {
    watch.onReading(() => this.abortHalted());
  }

  /**
   * Registers work before it is claimed: a switch that is turned on just after the claim must already find it (safety.md, R4).
   */
  begin(runId: string, scopes: readonly Scope[]): RunningWork {
    const entry = { runId, scopes, controller: new AbortController() };
    this.entries.add(entry);
    if (this.shuttingDown) abort(entry, { kind: 'shutdown' });
    return {
      signal: entry.controller.signal,
      abort: (cause) => abort(entry, cause),
      end: () => this.end(entry),
    };
  }

  get runIds(): string[] {
    return [...this.entries].map(({ runId }) => runId);
  }

  /** Tells the work on a run to end because somebody cancelled it. */
  cancel(runId: string, by: string): void {
    for (const entry of this.entries) if (entry.runId === runId) abort(entry, { kind: 'cancel', by });
  }

  /** Lets work finish for `graceMs`, then tells what is left, and all that comes, to end: the process is going away. */
  async shutDown(graceMs: number): Promise<void> {
    if (this.entries.size > 0) {
      await new Promise<void>((resolve) => {
        const patience = setTimeout(resolve, graceMs);
        this.emptied.add(() => {
          clearTimeout(patience);
          resolve();
        });
      });
    }
    this.shuttingDown = true;
    for (const entry of this.entries) abort(entry, { kind: 'shutdown' });
  }

  private end(entry: Entry): void {
    this.entries.delete(entry);
    if (this.entries.size === 0) for (const tell of this.emptied) tell();
  }

  private abortHalted(): void {
    for (const entry of this.entries) {
      const halt = this.watch.haltOver(entry.scopes);
      if (halt === undefined) continue;
      faultPoint('halt-before-abort');
      abort(entry, halt);
    }
  }
}

function abort({ controller }: Entry, cause: AbortCause): void {
  if (!controller.signal.aborted) controller.abort(new RunAborted(cause));
}
