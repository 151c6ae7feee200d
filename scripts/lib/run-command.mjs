import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { ROOT } from './environment.mjs';
import { Refusal } from './refusal.mjs';

/** Lines of a failed command's output that are shown: its beginning mostly names the cause, its end what to do. */
const FIRST_LINES = 15;
const LAST_LINES = 10;
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
  const collect = (chunk) => (output += output.length < 1_000_000 ? chunk : '');
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
    throw new Refusal(`${what} failed (${killedBy ?? `exit status ${code}`}):\n\n${shortened(output)}`);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

function shortened(output) {
  const lines = stripVTControlCharacters(output).trim().split('\n');
  if (lines.length <= FIRST_LINES + LAST_LINES + 1) return lines.join('\n');
  const left = lines.length - FIRST_LINES - LAST_LINES;
  return [...lines.slice(0, FIRST_LINES), `  … ${left} lines more …`, ...lines.slice(-LAST_LINES)].join('\n');
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
