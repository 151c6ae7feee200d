import { type ChildProcess, spawn, spawnSync } from 'node:child_process';

/** Whether util-linux's `script` is there, which Linux systems bring along; other systems have one with other options. */
export const HAS_PSEUDO_TERMINALS = spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes(
  'util-linux',
);

const CTRL_C = '\x03';

/** A shell command on a terminal of its own. */
export class PseudoTerminal {
  /** Everything that the terminal was sent so far, escape sequences included. */
  output = '';
  /** The command's exit status. */
  readonly ended: Promise<number | null>;
  private readonly child: ChildProcess;

  constructor(command: string, env: Record<string, string | undefined>) {
    this.child = spawn('script', ['-qefc', command, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    this.child.stdout?.on('data', (bytes: Buffer) => (this.output += bytes.toString()));
    this.child.stdin?.on('error', () => undefined); // it may have ended
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
  }

  pressCtrlC(): void {
    this.child.stdin?.write(CTRL_C);
  }

  /** Ends the command, if it has not ended. */
  async close(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}
