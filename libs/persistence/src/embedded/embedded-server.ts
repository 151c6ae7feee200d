import { mkdirSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connectionStringFor, ensureDatabase, serverAnswers } from './connecting.js';
import { type DataPlace, initialise, isInitialised, keepPassword, placeData, readPassword } from './data-folder.js';
import { runsAsRoot } from './server-account.js';
import { type ServerBinaries, prepareBinaries } from './server-binaries.js';
import { launchServer, resetPassword } from './server-launch.js';
import { openServerLog } from './server-log.js';
import { isServerOf, runningServer, signalProcess } from './server-process.js';
import { codeOf } from './system-errors.js';

/** Where data and binaries go that the server's account cannot reach in place (only as root). */
const SHARED_FOLDER = '/var/lib/interlock';
/** How long a server may take to come up or go down on its own: recovery after a crash reads the whole log again. */
const PATIENCE_MS = 120_000;

export interface EmbeddedServerOptions {
  /** Told, as half-sentences, what takes time or is worth knowing. */
  readonly onProgress?: (message: string) => void;
  /** Wanted port; without it a free one is taken. */
  readonly port?: number;
  /** Further settings of the server (`fsync: 'off'` in tests). */
  readonly settings?: Readonly<Record<string, string>>;
  /** Ends the start: what runs is ended, what is half made is removed. */
  readonly signal?: AbortSignal;
  /** Where data go that the server's account cannot reach in the home folder. */
  readonly sharedFolder?: string;
}

/** A running PostgreSQL server. */
export interface EmbeddedServer {
  /** Address of the database, with the password: never to be logged. */
  readonly connectionString: string;
  readonly port: number;
  readonly pid: number;
  /** Real path of the data. */
  readonly dataFolder: string;
  /** Whether it ran already: left over by a process that was killed, or started by another one. */
  readonly reused: boolean;
  /** Resolves when the server has ended, whoever ended it. */
  readonly exited: Promise<void>;
  /**
   * Ends the server and resolves when it is gone. Open connections are cut, nothing committed is lost.
   * @param patienceMs how long a regular end may take (8,000) before the server is ended at once; the next start then recovers from its log
   */
  stop(patienceMs?: number): Promise<void>;
}

/**
 * Starts the database of a home folder, making it the first time, or attaches to the server that runs on it already.
 * @param home folder for data, password and log; relative paths start from the working directory
 * @throws Error with a sentence for the operator
 */
export async function startEmbeddedServer(home: string, options: EmbeddedServerOptions = {}): Promise<EmbeddedServer> {
  const folder = resolve(home);
  const onProgress = options.onProgress ?? (() => undefined);
  makeHome(folder);
  const sharedFolder = options.sharedFolder ?? SHARED_FOLDER;
  const place = await placeData(folder, sharedFolder, onProgress);
  const { password, isNew } = await keepPassword(folder);

  const running = await attach(place, password, options.signal);
  if (running) return running;

  const binaries = await prepareBinaries(place.account, runsAsRoot() ? sharedFolder : folder, onProgress);
  const sandbox = { folder: '/', account: place.account, signal: options.signal };
  if (!isInitialised(place.dataFolder)) {
    onProgress('making a new database');
    await initialise(place, binaries.initdb, password, sandbox);
  } else if (isNew) {
    onProgress('setting a new password, since the file with the old one is gone');
    await resetPassword(binaries.postgres, place, password, options.signal);
  }
  return launch(folder, place, binaries, password, options);
}

/** The address of the server that runs on a home folder, or null. Starts and changes nothing. */
export async function findEmbeddedServer(home: string): Promise<string | null> {
  const folder = resolve(home);
  const password = readPassword(folder);
  const dataFolder = realPathOrNull(join(folder, 'postgres'));
  if (password === null || dataFolder === null) return null;
  const server = runningServer(dataFolder);
  if (server?.status !== 'ready') return null;
  return (await serverAnswers(server.port, password, dataFolder)) ? connectionStringFor(server.port, password) : null;
}

async function launch(
  home: string,
  place: DataPlace,
  binaries: ServerBinaries,
  password: string,
  options: EmbeddedServerOptions,
): Promise<EmbeddedServer> {
  const log = openServerLog(home);
  try {
    const launched = await launchServer(binaries.postgres, place, log, options, PATIENCE_MS);
    // Another process started a server on these data at the same moment.
    if (launched === 'already running') {
      const running = await attach(place, password, options.signal);
      if (running) return running;
      throw new Error(`The server that held the database in ${place.dataFolder} ended at this moment. Start again.`);
    }
    const server = describe(launched.pid, launched.port, place, password, launched.exited, false);
    try {
      await ensureDatabase(launched.port, password);
      options.signal?.throwIfAborted();
    } catch (error) {
      await server.stop(1_000);
      throw error;
    }
    return server;
  } finally {
    log.close();
  }
}

/**
 * Attaches to the server that runs on the data already. One that is starting or stopping is waited for; one that does not
 * answer (frozen, or with another password) is ended, since it would keep its data locked for ever.
 */
async function attach(place: DataPlace, password: string, signal?: AbortSignal): Promise<EmbeddedServer | null> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    signal?.throwIfAborted();
    const server = runningServer(place.dataFolder);
    if (!server) return null;
    if (server.status === 'ready') {
      if (await serverAnswers(server.port, password, place.dataFolder)) {
        await ensureDatabase(server.port, password);
        return describe(server.pid, server.port, place, password, goneFromList(server.pid, place.dataFolder), true);
      }
      if (runningServer(place.dataFolder)?.status === 'ready') await stopServer(server.pid, place.dataFolder, 3_000);
    } else if (Date.now() > deadline) {
      await stopServer(server.pid, place.dataFolder, 3_000);
    }
    await delay(50);
  }
}

function describe(
  pid: number,
  port: number,
  { dataFolder }: DataPlace,
  password: string,
  exited: Promise<void>,
  reused: boolean,
): EmbeddedServer {
  const connectionString = connectionStringFor(port, password);
  const stop = (patienceMs = 8_000) => stopServer(pid, dataFolder, patienceMs);
  return { connectionString, port, pid, dataFolder, reused, exited, stop };
}

/** Fast shutdown (SIGINT), after `patienceMs` an immediate one (SIGQUIT), then SIGKILL for a server that is frozen. */
async function stopServer(pid: number, dataFolder: string, patienceMs: number): Promise<void> {
  for (const [name, waitMs] of [
    ['SIGINT', patienceMs],
    ['SIGQUIT', 1_000],
    ['SIGKILL', 5_000],
  ] as const) {
    if (!isServerOf(pid, dataFolder)) return;
    signalProcess(pid, name);
    const deadline = Date.now() + waitMs;
    while (isServerOf(pid, dataFolder) && Date.now() < deadline) await delay(10);
  }
}

/** A server that is not our child can only be watched from outside. */
async function goneFromList(pid: number, dataFolder: string): Promise<void> {
  while (isServerOf(pid, dataFolder)) await delay(250, undefined, { ref: false });
}

function makeHome(home: string): void {
  try {
    mkdirSync(home, { recursive: true });
  } catch (error) {
    throw new Error(`The folder ${home} cannot be made (${codeOf(error)}). Set INTERLOCK_HOME.`, {
      cause: error,
    });
  }
}

function realPathOrNull(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}
