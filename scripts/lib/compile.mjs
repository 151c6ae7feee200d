import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './environment.mjs';
import { runCommand } from './run-command.mjs';

const FOLDERS = ['apps', 'libs'];
const FILES = ['tsconfig.json', 'tsconfig.build.json', 'nest-cli.json', 'package-lock.json'];
const DATA = 'libs/calibration/data';
/** Written last, with the fingerprint of what was compiled: without it `dist` is unfinished. */
const STAMP = join(ROOT, 'dist', '.fingerprint');
/** The compiler's memory of what it has emitted. */
const MEMORY = join(ROOT, 'dist', '.tsbuildinfo');

/** Compiles apps and libs to `dist` unless that is up to date; tells what it did. */
export async function compile({ signal, onProgress } = {}) {
  const inputs = FOLDERS.flatMap((folder) => filesBelow(folder)).filter((path) => !path.endsWith('.spec.ts'));
  const outputs = inputs.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts')).map(outputOf);
  const fingerprint = fingerprintOf([...inputs, ...FILES]);
  const complete = outputs.every((path) => existsSync(join(ROOT, path)));
  if (complete && readOrNull(STAMP) === fingerprint) return 'up to date';

  // The compiler emits only what changed since its memory was written. When something is missing, that memory is wrong.
  if (!complete || readOrNull(STAMP) === null) rmSync(MEMORY, { force: true });
  rmSync(STAMP, { force: true });
  onProgress?.('compiling');
  // One compilation covers the libs and both apps.
  await runCommand('The build', process.execPath, ['node_modules/@nestjs/cli/bin/nest.js', 'build', 'api'], { signal });
  removeStale(new Set(outputs));
  if (existsSync(join(ROOT, DATA))) cpSync(join(ROOT, DATA), join(ROOT, 'dist', DATA), { recursive: true });
  mkdirSync(join(ROOT, 'dist'), { recursive: true });
  writeFileSync(STAMP, fingerprint);
  return `${outputs.length} files compiled`;
}

/** Forgets what `dist` was compiled from: somebody else is about to write to it. */
export function forgetCompiled() {
  rmSync(STAMP, { force: true });
}

/** Paths of all files below a folder, relative to the root. */
function filesBelow(folder) {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .filter((entry) => !entry.name.startsWith('.'))
    .flatMap((entry) => (entry.isDirectory() ? filesBelow(`${folder}/${entry.name}`) : [`${folder}/${entry.name}`]));
}

function outputOf(source) {
  return `dist/${source.replace(/\.ts$/, '.js')}`;
}

function fingerprintOf(paths) {
  const hash = createHash('sha256');
  for (const path of paths.toSorted((a, b) => (a < b ? -1 : 1))) {
    const content = readFileSync(join(ROOT, path));
    hash.update(`${path} ${content.length}\n`).update(content);
  }
  return hash.digest('hex');
}

/** Removes what was compiled from sources that are gone: a migration that was deleted must not run. */
function removeStale(outputs) {
  for (const folder of FOLDERS) {
    if (!existsSync(join(ROOT, 'dist', folder))) continue;
    for (const path of filesBelow(`dist/${folder}`)) {
      if (!path.endsWith('.js') || outputs.has(path)) continue;
      for (const file of [path, `${path}.map`]) rmSync(join(ROOT, file), { force: true });
    }
  }
}

function readOrNull(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : null;
}
