import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';

/** How long what a child leaves in its pipes may take to be read, once it is gone; something that escaped its group may hold them. */
const LAST_WORDS_MS = 1_000;

export interface PythonCommand {
  readonly bin: string;
  readonly args: readonly string[];
  readonly folder: string;
  /** All of it: nothing of our own environment is passed on. */
  readonly environment: Readonly<Record<string, string>>;
  /** How often it is told that we are well, in milliseconds. */
  readonly beatMs: number;
}

export interface PythonEnd {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * A Python program in a process group of its own, with a channel for results (descriptor 3) and a pipe that tells it that we are
 * there (descriptor 4).
 */
export class PythonChild {
  /** Resolves when the child is gone, what was left of its group was killed, and all that they wrote has been read. */
  readonly ended: Promise<PythonEnd>;
  private gone = false;

  private constructor(
    private readonly child: ChildProcess,
    beatMs: number,
  ) {
    const beats = setInterval(() => (child.stdio[4] as Writable).write('.'), beatMs);
    this.ended = this.waitForEnd().finally(() => clearInterval(beats));
  }

  /** @throws the system's error when the program cannot be started */
  static async start({ bin, args, folder, environment, beatMs }: PythonCommand): Promise<PythonChild> {
    const child = spawn(bin, args, {
      cwd: folder,
      env: environment,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    });
    for (const stream of child.stdio) stream?.on('error', () => undefined); // a pipe that breaks: its end says enough
    await once(child, 'spawn');
    return new PythonChild(child, beatMs);
  }

  get output(): readonly Readable[] {
    return [this.readable(1), this.readable(2)];
  }

  get channel(): Readable {
    return this.readable(3);
  }

  /** Tells the group to end, and ends it by force when it has not done so after `graceMs`. A shorter grace counts from its own call. */
  end(graceMs: number): void {
    this.signalGroup('SIGTERM');
    const kill = setTimeout(() => this.signalGroup('SIGKILL'), graceMs);
    void this.ended.then(() => clearTimeout(kill));
  }

  private async waitForEnd(): Promise<PythonEnd> {
    const [status, signal] = (await once(this.child, 'exit')) as [number | null, NodeJS.Signals | null];
    // Whatever it started and did not end has lost its purpose.
    this.signalGroup('SIGKILL');
    this.gone = true;
    await this.lastWords();
    for (const stream of this.child.stdio) stream?.destroy();
    return { status, signal };
  }

  private async lastWords(): Promise<void> {
    const patience = AbortSignal.timeout(LAST_WORDS_MS);
    const streams = [...this.output, this.channel].filter((stream) => !stream.closed);
    await Promise.all(streams.map((stream) => once(stream, 'close', { signal: patience }))).catch(() => undefined);
  }

  private signalGroup(signal: NodeJS.Signals): void {
    if (this.gone || this.child.pid === undefined) return;
    try {
      process.kill(-this.child.pid, signal);
    } catch {
      // nobody is left in it
    }
  }

  private readable(descriptor: 1 | 2 | 3): Readable {
    return this.child.stdio[descriptor] as Readable;
  }
}
