import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from './eventually.js';

/** A built program as a child process, on free ports unless told. Its variables are only those given: nothing of the surrounding shell counts. */
export class Program {
  private readonly child: ChildProcess;
  private readonly ended: Promise<number | null>;
  /** Standard output and error so far. */
  out = '';
  err = '';

  constructor(file: string, environment: Record<string, string>) {
    this.child = spawn(process.execPath, [file], {
      env: { PATH: process.env['PATH'], PORT: '0', WORKER_PORT: '0', ...environment },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.child.stdout?.on('data', (bytes: Buffer) => (this.out += bytes.toString()));
    this.child.stderr?.on('data', (bytes: Buffer) => (this.err += bytes.toString()));
    this.ended = this.end();
  }

  /** Resolves to the exit status; null when a signal ended it. */
  exit(): Promise<number | null> {
    return this.ended;
  }

  private async end(): Promise<number | null> {
    // Not the child's 'close', which does not come after a disconnect.
    const emitters = [this.child.stdout, this.child.stderr].filter((stream) => stream !== null);
    const [exit] = await Promise.all([once(this.child, 'exit'), ...emitters.map((stream) => once(stream, 'close'))]);
    return (exit as [number | null])[0];
  }

  /** The address that the program says it listens at. */
  address(): Promise<string> {
    const look = () => /"address":"(http[^"]+)"/.exec(this.out)?.[1];
    return eventually(`the program listens; it said: ${this.err}`, look, 30_000);
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** As when the parent dies. */
  disconnect(): void {
    this.child.disconnect();
  }
}
