import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { ROOT } from './environment.mjs';
import { Refusal } from './refusal.mjs';

/** Lines of a failed command's output that are shown. */
const SHOWN_LINES = 25;
/** Time in ms that a command has to end by itself when a stop is requested. */
const PATIENCE_MS = 2_000;

/**
 * Runs a command quietly; its output is shown only when it fails. It runs in a process group of its own, so that a stop ends it
 * together with everything it started.
 * @param what names it in the message of a failure
 */
export async function runCommand(what, command, args, { signal, ...options } = {}) {
  signal?.throwIfAborted();
  const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], detached: true, ...options });
  let output = '';
  const collect = (chunk) => (output = (output + chunk).slice(-20_000));
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);

  const stop = () => void endGroup(child, PATIENCE_MS);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const [code, killedBy] = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (...outcome) => resolve(outcome));
    });
    signal?.throwIfAborted();
    if (code === 0) return output;
    const end = output.trimEnd().split('\n').slice(-SHOWN_LINES).join('\n');
    throw new Refusal(`${what} failed (${killedBy ?? `exit status ${code}`}):\n\n${end}`);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** Asks a child's process group to end (SIGTERM), and kills after `patienceMs` what is left of it. */
export async function endGroup(child, patienceMs) {
  const exited = new Promise((resolve) => child.once('exit', resolve));
  signalGroup(child, 'SIGTERM');
  if (child.exitCode === null && child.signalCode === null) {
    await Promise.race([exited, delay(patienceMs, undefined, { ref: false })]);
  }
  signalGroup(child, 'SIGKILL');
}

function signalGroup(child, name) {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill(name);
    else process.kill(-child.pid, name);
  } catch {
    // the whole group is gone already
  }
}
