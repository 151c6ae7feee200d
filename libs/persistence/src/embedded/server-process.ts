import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from './system-errors.js';

/** What a server writes about itself into `postmaster.pid` of its data folder. */
export interface PostmasterFile {
  readonly pid: number;
  /** TCP port; NaN while the server has not written it yet. */
  readonly port: number;
  /** `starting`, `ready`, `stopping`, or empty while it is not written yet. */
  readonly status: string;
}

/** The lock file of a data folder, or null when there is none (or nothing readable in it). */
export function readPostmasterFile(dataFolder: string): PostmasterFile | null {
  let lines: string[];
  try {
    lines = readFileSync(join(dataFolder, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return null;
  }
  // A server in single-user mode writes its pid as a negative number.
  const pid = Math.abs(Number.parseInt(lines[0] ?? '', 10));
  if (!Number.isSafeInteger(pid) || pid === 0) return null;
  return { pid, port: Number.parseInt(lines[3] ?? '', 10), status: (lines[7] ?? '').trim() };
}

/**
 * The pid of the server that runs on a data folder, or null. A lock file alone proves nothing: after a crash its pid may
 * be dead, a zombie, or by now belong to another program, so the process itself must name this folder.
 */
export function runningServer(dataFolder: string): PostmasterFile | null {
  const file = readPostmasterFile(dataFolder);
  return file && isServerOf(file.pid, dataFolder) ? file : null;
}

/** Whether the process is a living PostgreSQL server that was started on this data folder (a real path). */
export function isServerOf(pid: number, dataFolder: string): boolean {
  const words = commandLine(pid);
  return /postgres(\.exe)?$/.test(words[0] ?? '') && words.includes(dataFolder);
}

/**
 * The words of a process's command line; empty for a process that is gone or a zombie. Unlike `/proc/<pid>/cwd` it can be
 * read across accounts also by a root without further capabilities, as in a container.
 */
function commandLine(pid: number): string[] {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    // ps joins the words with blanks; the server is started with `-D <folder> -p <port> …`, so the folder can be cut out.
    const line = execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    const match = /^(.*?postgres) -D (.*?) -p \d+ /.exec(line);
    return match ? [match[1] ?? '', match[2] ?? ''] : [];
  } catch {
    return [];
  }
}

/** Sends a signal; a process that is gone already is no error. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}
