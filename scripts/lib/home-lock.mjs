import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Refusal } from './refusal.mjs';

/**
 * Takes the home folder for this process. A pid alone would not do: after a SIGKILL the file stays, and its pid may belong to
 * somebody else by now. So the file also holds when its process began.
 * @returns a function that gives the folder back
 * @throws Refusal naming the process that holds it
 */
export function lockHome(home, address) {
  const path = join(home, 'launcher.lock');
  const mine = JSON.stringify({ pid: process.pid, began: beginOf(process.pid), address });
  const unfinished = `${path}.new-${process.pid}`;
  try {
    mkdirSync(home, { recursive: true });
    writeFileSync(unfinished, mine, { mode: 0o644 });
  } catch (error) {
    throw new Refusal(`The folder ${home} cannot be written to (${error.code}). Set INTERLOCK_HOME to another one.`);
  }
  try {
    while (!linked(unfinished, path)) removeAbandoned(path, home);
  } finally {
    rmSync(unfinished, { force: true });
  }
  return () => {
    if (contentOf(path) === mine) rmSync(path, { force: true });
  };
}

/** Creates the lock file with its content in one step; false when there is one. */
function linked(from, path) {
  try {
    linkSync(from, path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function removeAbandoned(path, home) {
  const content = contentOf(path);
  if (content === null) return;
  const holder = holderOf(content);
  if (holder !== null) throw alreadyRunning(home, holder);

  // Two starts may find the same abandoned file: only one of them can rename it, and it must not be the other's new one.
  const aside = `${path}.old-${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return; // the other was faster
  }
  const renamed = contentOf(aside);
  rmSync(aside, { force: true });
  if (renamed !== content) throw alreadyRunning(home, holderOf(renamed ?? '') ?? {});
}

/** Who holds the folder, if the process that wrote the lock is still the same one. */
function holderOf(content) {
  try {
    const holder = JSON.parse(content);
    return holder.began !== null && holder.began === beginOf(holder.pid) ? holder : null;
  } catch {
    return null; // half written by a machine that lost power
  }
}

function alreadyRunning(home, { pid, address }) {
  return new Refusal(
    `Interlock already runs on ${home}${pid ? ` (process ${pid}, ${address})` : ''}.\n` +
      `Stop it there with Ctrl-C${pid ? `, or with: kill ${pid}` : ''}\n` +
      'To run a second one beside it, set INTERLOCK_HOME, PORT and WORKER_PORT to others.',
  );
}

/** When a process began, in a form that is only ever compared; null when it does not run. */
function beginOf(pid) {
  try {
    if (process.platform !== 'linux') {
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null;
    }
    // After the name, which may hold blanks and brackets: the state, and 19 fields later the start in ticks since boot.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\)\s/s, '')
      .split(' ');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return fields[0] === 'Z' ? null : `${boot} ${fields[19]}`;
  } catch {
    return null;
  }
}

function contentOf(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
