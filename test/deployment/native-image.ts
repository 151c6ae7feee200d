import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ignoredBy, type Instruction, readDockerfile, type Stage } from './dockerfile.js';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

interface LockedPackage {
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
}

/**
 * Carries out the steps of docker/Dockerfile without an engine: each stage in a folder of its own below `folder`. Packages of the
 * system are not installed but named in the result. The packages are those that this clone has, since they are what the lockfile
 * says, and so is what was compiled; with INTERLOCK_REAL_INSTALL=1 it is all done from the beginning.
 * @returns the folder of the last stage's `/`, and its instructions
 */
export function buildNatively(folder: string): { root: string; stage: Stage; packages: string[] } {
  const stages = readDockerfile(join(ROOT, 'docker/Dockerfile'));
  const ignored = ignoredBy(join(ROOT, '.dockerignore'));
  const packages: string[] = [];
  for (const stage of stages) {
    const root = join(folder, stage.name);
    let workdir = root;
    for (const { name, text } of stage.instructions) {
      if (name === 'WORKDIR') mkdirSync((workdir = join(root, text)), { recursive: true });
      if (name === 'COPY') copy({ name, text }, folder, workdir, ignored);
      if (name === 'RUN' && text.includes('apt-get install')) packages.push(...installed(text));
      else if (name === 'RUN') run(text, workdir);
    }
  }
  const stage = stages.at(-1)!;
  return { root: join(folder, stage.name), stage, packages };
}

function copy({ text }: Instruction, folder: string, workdir: string, ignored: (file: string) => boolean): void {
  const words = text.split(/\s+/);
  const from = words[0]?.startsWith('--from=') ? words.shift()!.slice('--from='.length) : undefined;
  const target = words.pop()!;
  for (const source of words) {
    const origin = from === undefined ? join(ROOT, source) : join(folder, from, source);
    const place = target.endsWith('/') ? join(workdir, target, source) : join(workdir, target);
    mkdirSync(dirname(place), { recursive: true });
    if (from !== undefined) {
      // Nobody needs it in its stage any more, and it is thousands of files.
      renameSync(origin, place);
      continue;
    }
    cpSync(origin, place, {
      recursive: true,
      filter: (file) => !ignored(relative(ROOT, file)) || isParentOf(file, origin),
    });
  }
}

/** What is named is copied or the build fails; an ignored file must not slip through by being named. */
function isParentOf(file: string, origin: string): boolean {
  return file !== origin && origin.startsWith(file);
}

function installed(command: string): string[] {
  const [, list = ''] = /apt-get install ([^&]+)/.exec(command) ?? [];
  return list.split(/\s+/).filter((word) => word !== '' && !word.startsWith('-'));
}

function run(command: string, workdir: string): void {
  const cheap = process.env['INTERLOCK_REAL_INSTALL'] === undefined;
  // The build finds that what was compiled from the same sources is up to date, and that it has all of them.
  if (cheap && command === 'npm run build') cpSync(join(ROOT, 'dist'), join(workdir, 'dist'), { recursive: true });
  if (cheap && command.startsWith('npm ci')) {
    if (command.includes('--omit=dev')) copyPackages(workdir);
    else symlinkSync(join(ROOT, 'node_modules'), join(workdir, 'node_modules'));
    return;
  }
  execFileSync('sh', ['-c', command], {
    cwd: workdir,
    stdio: 'pipe',
    env: { ...process.env, NODE_OPTIONS: '', CI: 'true' },
  });
}

function copyPackages(workdir: string): void {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage>;
  };
  for (const [path, { dev, optional, devOptional }] of Object.entries(lock.packages)) {
    if (path === '' || dev || optional || devOptional) continue;
    // Packages inside a package are entries of their own.
    const nested = join(ROOT, path, 'node_modules');
    cpSync(join(ROOT, path), join(workdir, path), { recursive: true, filter: (file) => file !== nested });
  }
}

/** Takes the right to write from everybody, as a read-only root file system does. */
export function makeReadOnly(folder: string): void {
  execFileSync('chmod', ['-R', 'a-w,a+rX', folder]);
}

/** Lets a folder be removed again. */
export function makeWritable(folder: string): void {
  if (existsSync(folder)) execFileSync('chmod', ['-R', 'u+w', folder]);
  chmodSync(dirname(folder), 0o755);
}
