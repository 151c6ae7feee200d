import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

let version: string | undefined;

/** The version in package.json, which is the nearest one above this file, in the sources as in the built program. */
export function programVersion(): string {
  version ??= readVersion(dirname(fileURLToPath(import.meta.url)));
  return version;
}

function readVersion(folder: string): string {
  const file = join(folder, 'package.json');
  if (existsSync(file)) return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('there is no package.json above the program');
  return readVersion(parent);
}
