import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { secret, setting, shown } from './environment.mjs';
import { Refusal } from './refusal.mjs';

/**
 * The bootstrap admin's token: the one of the settings, else the one in the home folder, which is made the first time.
 * @returns `{ token, place, command }`: where it is, and a shell command that prints it
 */
export function adminToken(home) {
  const given = secret('ADMIN_API_TOKEN');
  if (given !== undefined) {
    const file = setting('ADMIN_API_TOKEN_FILE');
    return { token: given, place: file ?? 'the setting ADMIN_API_TOKEN', command: file ? `cat '${file}'` : undefined };
  }
  const path = join(home, 'admin-token');
  return { token: keptIn(path), place: shown(path), command: `cat '${shown(path)}'` };
}

function keptIn(path) {
  try {
    const token = readFileSync(path, 'utf8').trim();
    if (token.length >= 16) return token;
    throw new Refusal(`${path} holds no token of at least 16 characters. Delete the file, and a new one is made.`);
  } catch (error) {
    if (error.code === 'EACCES') throw new Refusal(`${path} cannot be read: it belongs to another account.`);
    if (error.code !== 'ENOENT') throw error;
  }
  const unfinished = `${path}.new-${process.pid}`;
  writeFileSync(unfinished, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600 });
  try {
    linkSync(unfinished, path);
  } finally {
    rmSync(unfinished, { force: true });
  }
  return readFileSync(path, 'utf8').trim();
}
