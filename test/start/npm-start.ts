import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A home folder of the test's own, with free ports, on which `npm start` is run any number of times. */
export class StartFixture {
  readonly home = mkdtempSync(join(tmpdir(), 'interlock start '));
  readonly starts: NpmStart[] = [];
  port = 0;
  workerPort = 0;

  static async create(): Promise<StartFixture> {
    const fixture = new StartFixture();
    chmodSync(fixture.home, 0o755); // as root, the database's account must get in
    [fixture.port, fixture.workerPort] = [await freePort(), await freePort()];
    return fixture;
  }

  get api(): string {
    return `http://127.0.0.1:${this.port}/api`;
  }

  /** Runs the built `npm start`, in a process group of its own as a terminal's shell does. */
  start(environment: Record<string, string> = {}): NpmStart {
    const started = new NpmStart({
      PATH: '/usr/local/bin:/usr/bin:/bin',
      INTERLOCK_HOME: this.home,
      PORT: String(this.port),
      WORKER_PORT: String(this.workerPort),
      DATABASE_URL: '', // whatever a .env in the clone says
      ADMIN_API_TOKEN: '',
      ...environment,
    });
    this.starts.push(started);
    return started;
  }

  /** The answer of a route of the API, called with the admin's token. */
  async call(method: string, path: string, body?: object): Promise<{ status: number; body: Answer }> {
    const token = readFileSync(join(this.home, 'admin-token'), 'utf8').trim();
    const response = await fetch(`${this.api}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: JSON.parse(await response.text()) };
  }

  /** Ends what a failed test has left and removes the folder. */
  async remove(): Promise<void> {
    for (const started of this.starts) if (started.running) started.signalGroup('SIGKILL');
    for (const { pid } of this.processes()) process.kill(pid, 'SIGKILL');
    await until(() => this.processes().length === 0, 10_000);
    rmSync(this.home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  /** Every process that belongs to this home folder: it is in the environment of ours, on the command line of the database's. */
  processes(): { pid: number; command: string }[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .map((name) => ({ pid: Number(name), command: readText(`/proc/${name}/cmdline`).replaceAll('\0', ' ') }))
      .filter(
        ({ pid, command }) => command.includes(this.home) || readText(`/proc/${pid}/environ`).includes(this.home),
      );
  }

  /** The pid of the present api, worker or database. */
  pidOf(part: 'api' | 'worker' | 'postgres'): number {
    const pattern = part === 'postgres' ? /bin\/postgres -D / : new RegExp(`dist/apps/${part}/main\\.js`);
    return this.processes().find(({ command }) => pattern.test(command))?.pid ?? 0;
  }
}

/** One run of `npm start`. */
export class NpmStart {
  output = '';
  readonly ended: Promise<{ code: number | null; signal: string | null }>;
  private readonly child: ChildProcess;

  constructor(environment: Record<string, string>) {
    this.child = spawn(process.execPath, [join(ROOT, 'scripts/start.mjs')], {
      cwd: ROOT,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const collect = (chunk: Buffer) => (this.output += chunk.toString());
    this.child.stdout?.on('data', collect);
    this.child.stderr?.on('data', collect);
    this.ended = new Promise((resolve) => this.child.once('exit', (code, signal) => resolve({ code, signal })));
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Resolves when the start has said everything and the system works. */
  async ready(): Promise<void> {
    await until(() => this.output.includes('Ctrl-C ends everything') || !this.running, 60_000);
    if (!this.running) throw new Error(`npm start ended instead of becoming ready:\n${this.output}`);
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** What a terminal does on Ctrl-C. */
  signalGroup(name: NodeJS.Signals): void {
    process.kill(-(this.child.pid ?? 0), name);
  }
}

/** The part of the API's answers that the tests look at. */
export interface Answer {
  ok: boolean;
  code?: string;
  runId: string;
  state: string;
  items: { runId: string }[];
  run: { state: string; status: string; stages: { name: string; status: string }[] };
  report: { n: number; brier: number };
}

/** Waits for a condition, with a deadline. */
export async function until(condition: () => boolean | Promise<boolean>, withinMs: number): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`This did not come true within ${withinMs} ms: ${condition.toString()}`);
    await delay(50);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // gone, or not ours
  }
}
