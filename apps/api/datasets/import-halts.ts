import { GetKillSwitches, type KillSwitch, KillSwitchWatch } from '@interlock/kill-switch';
import { Injectable } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';

/** The global switch was turned to halt while an import was under way. */
export class ImportHalted extends Error {
  constructor(readonly killSwitch: KillSwitch) {
    super(`global is halted by the kill switch`);
    this.name = 'ImportHalted';
  }
}

/** One import's share of the watch. */
export interface ImportHalt {
  /** Aborted with ImportHalted. */
  readonly signal: AbortSignal;
  /** Ends the watching. */
  end(): void;
}

/**
 * Ends imports that are under way when somebody halts everything: the machine is to be silent then. An import that is begun while
 * the switch is on already is somebody's deliberate wish, and trades nothing: it may go on.
 */
@Injectable()
export class ImportHalts {
  private watching: Promise<void> | undefined;

  constructor(
    private readonly watch: KillSwitchWatch,
    private readonly queries: QueryBus,
  ) {}

  async begin(): Promise<ImportHalt> {
    // Not before the first import: most apis never see one.
    await (this.watching ??= this.watch.start());
    // From the rows themselves: the watch may not know yet of a switch that was turned on a moment ago.
    const { global } = await this.queries.execute(new GetKillSwitches());
    const halting = new AbortController();
    const end = this.watch.onReading(() => {
      const killSwitch = this.halting();
      if (killSwitch !== undefined && killSwitch.version > global.version) halting.abort(new ImportHalted(killSwitch));
    });
    return { signal: halting.signal, end };
  }

  private halting(): KillSwitch | undefined {
    const halt = this.watch.haltOver(['global']);
    // A switch that cannot be read ends no import: it admits nothing that a switch forbids.
    return halt?.kind === 'switch' ? halt.killSwitch : undefined;
  }
}

/** The same pieces until the signal is aborted; then its reason is thrown, whatever is still to come. */
export async function* endingWith(bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const pieces = bytes[Symbol.asyncIterator]();
  let tell = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    tell = () => reject(signal.reason as Error);
    if (signal.aborted) tell();
    else signal.addEventListener('abort', tell, { once: true });
  });
  aborted.catch(() => undefined); // it is waited for piece by piece
  try {
    for (;;) {
      const next = await Promise.race([pieces.next(), aborted]);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', tell);
    void pieces.return?.().catch(() => undefined);
  }
}
