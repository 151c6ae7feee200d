import { spawn } from 'node:child_process';
import { basename } from 'node:path';
import { type ServerAccount, credentials } from './server-account.js';

/** Surroundings in which PostgreSQL's programs run. */
export interface Sandbox {
  /** Working directory; PostgreSQL complains when it cannot enter it. */
  readonly folder: string;
  readonly account: ServerAccount | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Options common to all of PostgreSQL's programs: the account, a session of their own, so that a terminal's Ctrl-C does not
 * reach them (ending them is our decision), and none of our environment, so that no locale or PG… variable can change what they do.
 */
export function spawnOptions(sandbox: Pick<Sandbox, 'folder' | 'account'>) {
  return {
    ...credentials(sandbox.account),
    cwd: sandbox.folder,
    detached: true,
    windowsHide: true,
    ...(process.platform !== 'win32' && { env: { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin' } }),
  };
}

/**
 * Runs a program to its end.
 * @param input what it reads from its standard input
 * @throws Error with the end of its output when it fails; the signal's reason when it was aborted
 */
export async function runToEnd(program: string, args: string[], sandbox: Sandbox, input = ''): Promise<void> {
  sandbox.signal?.throwIfAborted();
  const child = spawn(program, args, { ...spawnOptions(sandbox), stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  const collect = (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4_000));
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  child.stdin.on('error', () => undefined); // it may end without reading
  child.stdin.end(input);

  const kill = () => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL');
  sandbox.signal?.addEventListener('abort', kill, { once: true });
  try {
    const outcome = await new Promise<string | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve(code === 0 ? null : (signal ?? `exit status ${code}`)));
    });
    sandbox.signal?.throwIfAborted();
    if (outcome !== null) throw new Error(`${basename(program)} failed (${outcome}):\n${output.trim()}`);
  } finally {
    sandbox.signal?.removeEventListener('abort', kill);
  }
}
