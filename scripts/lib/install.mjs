import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './environment.mjs';
import { runCommand } from './run-command.mjs';

/** Installs the dependencies when they are missing or not those of package-lock.json; tells what it did. */
export async function install({ signal, onProgress } = {}) {
  if (isInstalled()) return 'up to date';
  onProgress?.('npm ci (a minute or so)');
  // The build needs the development dependencies, whatever NODE_ENV says.
  const args = ['ci', '--include=dev', '--no-fund', '--no-audit', '--loglevel=error'];
  const npm = process.env.npm_execpath;
  const [command, ...first] = npm?.endsWith('js') ? [process.execPath, npm] : ['npm'];
  await runCommand('npm ci', command, [...first, ...args], { signal, shell: !npm && process.platform === 'win32' });
  return `${Object.keys(packagesOf('node_modules/.package-lock.json')).length} packages`;
}

/**
 * npm writes the list of what it installed last of all, so an interrupted installation has none. Packages for other platforms
 * are missing from it rightly.
 */
function isInstalled() {
  const installed = packagesOf('node_modules/.package-lock.json');
  if (installed === null) return false;
  return Object.entries(packagesOf('package-lock.json') ?? {}).every(([path, wanted]) => {
    if (path === '') return true;
    const present = installed[path];
    if (present === undefined) return wanted.optional === true || wanted.devOptional === true;
    return present.version === wanted.version && present.integrity === wanted.integrity;
  });
}

function packagesOf(lockFile) {
  try {
    return JSON.parse(readFileSync(join(ROOT, lockFile), 'utf8')).packages;
  } catch {
    return null;
  }
}
