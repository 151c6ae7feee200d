import { type ChildProcess, spawn } from 'node:child_process';
import { eventually } from './eventually.js';

/** How much of what a program writes is kept for failure reports, in characters. */
const KEPT_OUTPUT = 4_000_000;
const READY_PATIENCE_MS = 30_000;

export type ProcessState = 'up' | 'frozen' | 'down';

/** One program of a cluster, which can be killed, frozen, asked to end, and started again. */
export class ClusterProcess {
  private child: ChildProcess | undefined;
  private exited: Promise<void> = Promise.resolve();
  private output = '';
  private address: string | undefined;
  private frozen = false;

  /**
   * @param name for reports: `api-0`, `worker-1`
   * @param onSpawn told of the pid, so that somebody can end it when the test process dies
   */
  constructor(
    readonly name: string,
    private readonly file: string,
    private readonly folder: string,
    private readonly environment: Record<string, string>,
    private readonly onSpawn: (pid: number) => void,
  ) {}

  get state(): ProcessState {
    if (this.child === undefined) return 'down';
    return this.frozen ? 'frozen' : 'up';
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Address of its HTTP port; undefined until it listens and while it is down. */
  get url(): string | undefined {
    return this.address;
  }

  /** The end of what it wrote, over all its lives. */
  get log(): string {
    return this.output;
  }

  /** Starts it unless it runs; `environment` adds to, or replaces, the variables of this life alone. */
  start(environment: Record<string, string> = {}): void {
    if (this.child !== undefined) return;
    // Its folder as an argument, which the program does not read, tells the undertaker that the process is one of ours.
    const child = spawn(process.execPath, ['--enable-source-maps', this.file, this.folder], {
      env: { PATH: process.env['PATH'], ...this.environment, ...environment },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.child = child;
    this.keep(`--- ${this.name} started with pid ${child.pid}\n`);
    if (child.pid !== undefined) this.onSpawn(child.pid);
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (bytes: Buffer) => this.hear(bytes, child));
    this.exited = new Promise((resolve) => {
      child.once('error', () => resolve());
      child.once('exit', (code, signal) => {
        this.keep(`--- ${this.name} with pid ${child.pid} ended: ${signal ?? code}\n`);
        if (this.child === child) this.forget();
        resolve();
      });
    });
  }

  /** Resolves once its port says that it is ready to work. @throws with its last words when it does not get there */
  async waitReady(): Promise<void> {
    const path = this.name.startsWith('api') ? '/api/health/ready' : '/health/ready';
    await eventually(
      `${this.name} is ready`,
      async () => {
        if (this.child === undefined) throw new Error(`${this.name} ended instead of becoming ready:\n${this.tail()}`);
        if (this.address === undefined) return false;
        const answer = await fetch(this.address + path, { signal: AbortSignal.timeout(3_000) }).catch(() => undefined);
        return answer?.ok;
      },
      READY_PATIENCE_MS,
    ).catch((error: unknown) => {
      throw new Error(`${this.name} did not become ready:\n${this.tail()}`, { cause: error });
    });
  }

  /** Starts it, again when it ended before it was ready: what it needs may be away just then. @throws after 60 s */
  async startUntilReady(): Promise<void> {
    for (const until = performance.now() + 2 * READY_PATIENCE_MS; ;) {
      this.start();
      try {
        return await this.waitReady();
      } catch (error) {
        if (performance.now() > until) throw error;
      }
    }
  }

  /** SIGKILL, frozen or not; resolves when it is gone. */
  async kill(): Promise<void> {
    this.child?.kill('SIGKILL');
    await this.exited;
  }

  /** SIGTERM: asked to end in order; resolves when it is gone. */
  async terminate(): Promise<void> {
    this.child?.kill('SIGTERM');
    await this.exited;
  }

  /** SIGSTOP. */
  freeze(): void {
    if (this.child?.kill('SIGSTOP') === true) this.frozen = true;
  }

  /** SIGCONT. */
  thaw(): void {
    this.child?.kill('SIGCONT');
    this.frozen = false;
  }

  private hear(bytes: Buffer, child: ChildProcess): void {
    this.keep(bytes.toString());
    if (this.child === child && this.address === undefined) {
      const life = this.output.slice(this.output.lastIndexOf(`pid ${child.pid}\n`));
      this.address = /"address":"(http[^"]+)"/.exec(life)?.[1];
    }
  }

  private keep(text: string): void {
    this.output = (this.output + text).slice(-KEPT_OUTPUT);
  }

  private tail(): string {
    return this.output.slice(-4_000);
  }

  private forget(): void {
    this.child = undefined;
    this.address = undefined;
    this.frozen = false;
  }
}
