import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

/** The token that there is: of the settings, else of the home folder. Makes none. */
export function existingAdminToken(home) {
  const path = join(home, 'admin-token');
  if (secret('ADMIN_API_TOKEN') === undefined && !existsSync(path)) {
    throw new Refusal(`There is no token: set ADMIN_API_TOKEN (${shown(path)} does not exist; npm start makes it).`);
  }
  return adminToken(home).token;
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
