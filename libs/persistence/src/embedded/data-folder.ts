import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, readdirSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { chmod, link, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { type ServerAccount, canReach, chooseAccount, handTo, ownerOf, runsAsRoot } from './server-account.js';
import { makeReachable } from './server-binaries.js';
import { type Sandbox, runToEnd } from './spawning.js';
import { codeOf } from './system-errors.js';

/** Name of the superuser and of the database. */
export const DATABASE_NAME = 'interlock';

/** Where the data of a home folder are, and as whom the server runs on them. */
export interface DataPlace {
  /** Real path of the data folder; it may not exist yet. */
  readonly dataFolder: string;
  /** The account that owns the data; undefined when that is us. */
  readonly account: ServerAccount | undefined;
}

/**
 * Finds the place of the data, or decides on one.
 *
 * As root the server runs under another account, which cannot enter a home below, say, /root. We open no folder of the user's
 * for it: the data then live in `sharedFolder`, and `<home>/postgres` is a symlink to them.
 */
export async function placeData(
  home: string,
  sharedFolder: string,
  onProgress: (message: string) => void,
): Promise<DataPlace> {
  const path = join(home, 'postgres');
  if (isThere(path)) return existingPlace(path);
  if (!runsAsRoot()) return { dataFolder: join(realpathSync(home), 'postgres'), account: undefined };

  const account = chooseAccount();
  if (canReach(account, [home])) return { dataFolder: join(realpathSync(home), 'postgres'), account };

  const folder = join(sharedFolder, `data-${randomBytes(4).toString('hex')}`);
  await makeReachable(sharedFolder);
  await makeReachable(folder);
  await writeFile(join(folder, 'README'), `The database of the Interlock whose home folder is ${home}\n`);
  await symlink(join(folder, 'postgres'), path);
  onProgress(`keeping the data in ${folder}, since the account ${account.name} cannot enter ${home}`);
  return { dataFolder: join(realpathSync(folder), 'postgres'), account };
}

function existingPlace(path: string): DataPlace {
  const dataFolder = lstatSync(path).isSymbolicLink() ? targetOf(path) : realpathSync(path);
  if (!existsSync(dataFolder)) return { dataFolder, account: runsAsRoot() ? chooseAccount() : undefined };

  const owner = ownerOf(statSync(dataFolder));
  if (!runsAsRoot()) {
    if (process.getuid !== undefined && owner.uid !== process.getuid()) {
      throw new Error(
        `The database in ${path} belongs to the account ${owner.name}, so it was probably first started as root. ` +
          'Start it the same way again, or set INTERLOCK_HOME to another folder.',
      );
    }
    return { dataFolder, account: undefined };
  }
  // An existing empty folder of root's, a mount point for instance, is handed over when the database is made.
  const account = owner.uid === 0 ? chooseAccount() : owner;
  if (!canReach(account, [dirname(dataFolder)])) {
    throw new Error(
      `The database in ${dataFolder} belongs to the account ${account.name}, which cannot enter that folder (any more). ` +
        'Let it pass through the folders above, or move the data to a place it can reach and leave a symlink.',
    );
  }
  return { dataFolder, account };
}

/** Where a symlink points to, also while the data themselves have not been made there. */
function targetOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const target = resolve(dirname(path), readlinkSync(path));
    if (existsSync(dirname(target))) return join(realpathSync(dirname(target)), basename(target));
    throw new Error(
      `${path} points to ${target}, which is gone. Restore that folder, or remove the link to begin anew.`,
    );
  }
}

/** Whether the folder holds a complete database. */
export function isInitialised(dataFolder: string): boolean {
  return existsSync(join(dataFolder, 'PG_VERSION'));
}

/**
 * Makes the database files. They are made beside their place and moved there when complete, so that an interrupted attempt
 * is never taken for a database.
 */
export async function initialise(place: DataPlace, initdb: string, password: string, sandbox: Sandbox): Promise<void> {
  const { dataFolder, account } = place;
  if (existsSync(dataFolder) && readdirSync(dataFolder).length > 0) {
    throw new Error(`${dataFolder} holds files, but is no PostgreSQL database. Move it away or set INTERLOCK_HOME.`);
  }
  const prefix = join(dirname(dataFolder), `postgres.new-${process.pid}-`);
  await removeAbandoned(dirname(dataFolder));
  const workshop = await mkdtemp(prefix);
  try {
    handTo(account, workshop);
    const passwordFile = join(workshop, 'password');
    await writeFile(passwordFile, password, { mode: 0o600 });
    handTo(account, passwordFile);
    const made = join(workshop, 'data');
    const flags = ['--encoding=UTF8', '--locale=C', '--auth=scram-sha-256', `--username=${DATABASE_NAME}`];
    const files = [`--pgdata=${made}`, `--pwfile=${passwordFile}`, '--no-instructions'];
    await runToEnd(initdb, [...flags, ...files], { ...sandbox, folder: workshop });
    await rename(made, dataFolder).catch((error: NodeJS.ErrnoException) => {
      // Another process was faster; its database is as good as ours.
      if (!isInitialised(dataFolder)) throw error;
    });
  } finally {
    await rm(workshop, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

/** Removes what interrupted attempts left: their folder's name holds the pid of the process that made it. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of readdirSync(folder)) {
    const pid = /^postgres\.new-(\d+)-/.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    await rm(join(folder, name), { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

/**
 * The superuser's password, made at the first use and kept in the home folder (mode 600). Hexadecimal, so that it can stand
 * in a URL as it is.
 */
export async function keepPassword(home: string): Promise<{ password: string; isNew: boolean }> {
  const existing = readPassword(home);
  if (existing !== null) return { password: existing, isNew: false };

  const path = passwordPath(home);
  const unfinished = `${path}.new-${process.pid}`;
  await writeFile(unfinished, randomBytes(24).toString('hex'), { mode: 0o600 });
  await chmod(unfinished, 0o600); // the mode above counts for new files only
  try {
    await link(unfinished, path);
    return { password: readFileSync(path, 'utf8'), isNew: true };
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    return { password: readFileSync(path, 'utf8').trim(), isNew: false }; // another start was faster
  } finally {
    await rm(unfinished, { force: true });
  }
}

/** The password, or null when none was made yet. */
export function readPassword(home: string): string | null {
  try {
    return readFileSync(passwordPath(home), 'utf8').trim() || null;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') return null;
    if (code !== 'EACCES') throw error;
    throw new Error(
      `${passwordPath(home)} cannot be read: it belongs to another account. ` +
        'Start Interlock as the account that started it first, or set INTERLOCK_HOME to another folder.',
      { cause: error },
    );
  }
}

function passwordPath(home: string): string {
  return join(home, 'postgres-password');
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}
