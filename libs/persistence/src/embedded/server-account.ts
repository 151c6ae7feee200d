import { execFileSync, spawnSync } from 'node:child_process';
import { type Stats, chownSync } from 'node:fs';

/** The account that runs the server when we are root, since PostgreSQL refuses to run as root. */
export interface ServerAccount {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

// An account made for this purpose first, then PostgreSQL's own (Linux, macOS); `nobody` exists everywhere. Nothing is
// created: adding accounts to somebody's machine is not ours to do.
const CANDIDATES = ['interlock', 'postgres', '_postgres', 'nobody'];

/** Whether the server needs an account other than ours. */
export function runsAsRoot(): boolean {
  return process.getuid?.() === 0;
}

/** The existing unprivileged account that a new database will belong to. */
export function chooseAccount(): ServerAccount {
  for (const name of CANDIDATES) {
    const account = lookUp(name);
    if (account && account.uid !== 0) return account;
  }
  throw new Error(
    `PostgreSQL does not run as root, and none of the accounts ${CANDIDATES.join(', ')} exists on this machine. ` +
      'Start Interlock as an ordinary user, create the account "interlock", or set DATABASE_URL.',
  );
}

/** The account that owns existing data. */
export function ownerOf(stats: Stats): ServerAccount {
  return { name: nameOf(stats.uid), uid: stats.uid, gid: stats.gid };
}

/** What a spawned process needs to run as the account; nothing when we run as ourselves. */
export function credentials(account: ServerAccount | undefined): { uid?: number; gid?: number } {
  return account ? { uid: account.uid, gid: account.gid } : {};
}

/** Hands a file or folder that we made to the account. */
export function handTo(account: ServerAccount | undefined, path: string): void {
  if (account) chownSync(path, account.uid, account.gid);
}

/**
 * Whether the account can use all the paths: enter folders, read files. Asked of the system rather than computed from
 * modes, which would miss access lists and mount options.
 */
export function canReach(account: ServerAccount, paths: readonly string[]): boolean {
  const script = 'for p; do if [ -d "$p" ]; then [ -x "$p" ] || exit 1; else [ -r "$p" ] || exit 1; fi; done';
  const result = spawnSync('/bin/sh', ['-c', script, 'sh', ...paths], { ...credentials(account), cwd: '/', env: {} });
  if (result.error) throw cannotBecome(account, result.error);
  return result.status === 0;
}

function cannotBecome(account: ServerAccount, cause: Error): Error {
  return new Error(
    `PostgreSQL does not run as root, and switching to the account ${account.name} is not permitted here ` +
      `(${cause.message}). Start Interlock as an ordinary user, or set DATABASE_URL.`,
    { cause },
  );
}

function lookUp(name: string): ServerAccount | undefined {
  // `id` knows also accounts that are not in /etc/passwd (LDAP and the like).
  const uid = idOf('-u', name);
  const gid = idOf('-g', name);
  return uid === undefined || gid === undefined ? undefined : { name, uid, gid };
}

function idOf(flag: string, name: string): number | undefined {
  try {
    return Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  } catch {
    return undefined;
  }
}

function nameOf(uid: number): string {
  try {
    return execFileSync('id', ['-un', String(uid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return `with uid ${uid}`;
  }
}
