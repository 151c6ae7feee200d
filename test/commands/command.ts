import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ENDS_WITHIN_MS = 90_000;

/** One run of a command's script, with only the variables given. */
export class Command {
  /** Standard output and error so far, in one. */
  output = '';
  readonly ended: Promise<number | null>;
  readonly child: ChildProcess;

  /** @param root the clone whose script it is; this one unless told */
  constructor(script: string, args: readonly string[] = [], environment: Record<string, string> = {}, root = ROOT) {
    // The separator keeps Node 20 from taking our own --env-file for its.
    this.child = spawn(process.execPath, ['--', join(root, 'scripts', `${script}.mjs`), ...args], {
      cwd: root,
      env: { PATH: process.env['PATH'], DATABASE_URL: '', ADMIN_API_TOKEN: '', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const collect = (bytes: Buffer) => (this.output += bytes.toString());
    this.child.stdout?.on('data', collect);
    this.child.stderr?.on('data', collect);
    const tooLong = setTimeout(() => this.child.kill('SIGKILL'), ENDS_WITHIN_MS);
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code) => {
        clearTimeout(tooLong);
        resolve(code);
      });
    });
  }
}

/** Runs a command to its end. */
export async function outcomeOf(
  script: string,
  args: readonly string[] = [],
  environment: Record<string, string> = {},
  root = ROOT,
): Promise<{ status: number | null; output: string }> {
  const command = new Command(script, args, environment, root);
  const status = await command.ended;
  return { status, output: command.output };
}
