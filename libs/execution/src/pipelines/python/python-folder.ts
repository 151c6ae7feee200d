import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** `python/` as it lies from the sources and from what is compiled, which is one folder deeper. */
const CANDIDATES = ['../../../../../python/', '../../../../../../python/'];

/** The repository's own folder `python/`. @throws Error when it is not there: the installation is not whole */
export function pythonFolder(): string {
  const folders = CANDIDATES.map((path) => fileURLToPath(new URL(path, import.meta.url)));
  const found = folders.find((folder) => existsSync(`${folder}interlock_bootstrap.py`));
  if (found === undefined) throw new Error(`the installation lacks its folder python: ${folders.join(' or ')}`);
  return found;
}
