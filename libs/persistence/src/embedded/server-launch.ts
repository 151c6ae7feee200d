import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DATABASE_NAME, type DataPlace } from './data-folder.js';
import type { ServerLog } from './server-log.js';
import { handTo } from './server-account.js';
import { isServerOf, readPostmasterFile } from './server-process.js';
import { runToEnd, spawnOptions } from './spawning.js';

interface LaunchOptions {
  readonly port?: number;
  readonly settings?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

interface LaunchedServer {
  readonly pid: number;
  readonly port: number;
  readonly exited: Promise<void>;
}

// Room for api, worker and queue pools with several replicas, on a machine that has other work too.
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '', // a socket's path may not pass 107 bytes; ours might
  max_connections: '200',
  shared_buffers: '128MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '%m [%p] ',
  log_checkpoints: 'off',
  cluster_name: DATABASE_NAME,
};

/** How often a free port may be lost to another program between being chosen and being used. */
const PORT_ATTEMPTS = 5;

/**
 * Starts a server process on the data and waits until it accepts connections.
 * @returns `already running` when another process has just started one on the same data
 * @throws Error with the end of the server's log
 */
export async function launchServer(
  postgres: string,
  place: DataPlace,
  log: ServerLog,
  options: LaunchOptions,
  patienceMs: number,
): Promise<LaunchedServer | 'already running'> {
  const deadline = Date.now() + patienceMs;
  for (let attempt = 1; ; attempt += 1) {
    options.signal?.throwIfAborted();
    disownForeignPid(place);
    const port = options.port ?? (await freePort());
    const mark = log.mark(); // before the spawn: a busy machine may run the child to its end before we go on
    const child = spawn(postgres, serverArguments(place.dataFolder, port, options.settings), {
      ...spawnOptions({ folder: place.dataFolder, account: place.account }),
      stdio: ['ignore', log.descriptor, log.descriptor],
    });
    const exited = exitOf(child);
    if (await becomesReady(child, exited, place.dataFolder, deadline, options.signal)) {
      return { pid: child.pid ?? 0, port, exited };
    }
    const reason = log.since(mark);
    if (/lock file ".*" already exists/.test(reason)) return 'already running';
    if (/could not bind|could not create any TCP/i.test(reason) && attempt < PORT_ATTEMPTS) continue;
    // The server before was killed and some of its processes are still finishing a statement.
    if (/pre-existing shared memory block/.test(reason) && attempt < 50 && Date.now() < deadline) {
      await delay(200);
      continue;
    }
    throw new Error(`The embedded PostgreSQL did not start (log: ${log.path}):\n${reason}`);
  }
}

/**
 * Sets the superuser's password of a stopped server, for the case that the file with it is lost.
 * @throws Error when the server runs or its files are damaged
 */
export async function resetPassword(
  postgres: string,
  place: DataPlace,
  password: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  disownForeignPid(place);
  const sandbox = { folder: place.dataFolder, account: place.account, signal };
  const statement = `ALTER ROLE ${DATABASE_NAME} PASSWORD '${password}';\n`;
  await runToEnd(postgres, ['--single', '-D', place.dataFolder, 'postgres'], sandbox, statement);
}

function serverArguments(dataFolder: string, port: number, settings: LaunchOptions['settings']): string[] {
  const flags = Object.entries({ ...SETTINGS, ...settings }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return ['-D', dataFolder, '-p', String(port), ...flags];
}

/**
 * Disarms a lock file whose pid belongs to another program by now; PostgreSQL would refuse to start because of it. We put our
 * own pid there: the server takes a lock file with its parent's pid for a stale one, but still looks for surviving
 * processes of the server before, which removing the file would skip.
 */
function disownForeignPid({ dataFolder, account }: DataPlace): void {
  const file = readPostmasterFile(dataFolder);
  if (!file || file.pid === process.pid || isServerOf(file.pid, dataFolder)) return;
  const path = join(dataFolder, 'postmaster.pid');
  writeFileSync(path, readFileSync(path, 'utf8').replace(/^-?\d+/, String(process.pid)));
  handTo(account, path);
}

async function becomesReady(
  child: ChildProcess,
  exited: Promise<void>,
  dataFolder: string,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  // A child's exit status is known only when it has exited; one that could not be spawned at all has no pid.
  while (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
    const file = readPostmasterFile(dataFolder);
    if (file?.pid === child.pid && file?.status === 'ready') return true;
    if (signal?.aborted || Date.now() > deadline) {
      child.kill('SIGQUIT');
      await Promise.race([exited, delay(3_000)]);
      child.kill('SIGKILL');
      signal?.throwIfAborted();
      return false;
    }
    await Promise.race([exited, delay(10)]);
  }
  return false;
}

function exitOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('The system gave no free port.');
  return address.port;
}
