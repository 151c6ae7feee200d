import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { parseEnv } from 'node:util';
import { Refusal } from './refusal.mjs';

const NAME = 'ADMIN_API_TOKEN';
/** A line that sets the token, without its line ending. */
const LINE = /^([ \t]*(?:export[ \t]+)?)ADMIN_API_TOKEN[ \t]*=.*?(?=\r?$)/gm;

/**
 * Puts a new token into a file of settings. At every moment the file is the old one or the new one as a whole.
 * @returns `{ token, isNew, outcome }`: whether there was none before, and what was done, in a few words without the token
 * @throws Refusal when the file cannot be changed, or not without touching other settings
 */
export function rotateToken(path) {
  const token = randomBytes(24).toString('hex');
  const present = describe(path);
  // Byte by byte: whatever encoding a comment has, it must come out as it went in.
  const before = present === null ? '' : readText(path);
  const after = withToken(before, token);
  refuseSideEffects(path, before, after, token);
  replace(path, after, present);
  const isNew = before.match(LINE) === null;
  const changed = `${NAME} ${isNew ? 'added' : 'replaced'}, other lines kept`;
  return { token, isNew, outcome: present === null ? `made, with a new ${NAME}` : changed };
}

/** What is at the path: null when nothing. */
function describe(path) {
  let present;
  try {
    present = lstatSync(path);
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw new Refusal(`${path} cannot be looked at (${error.code}).`);
  }
  if (present.isSymbolicLink()) {
    throw new Refusal(
      `${path} is a symbolic link, which would be replaced by a file. Name the file that it points to.`,
    );
  }
  if (present.isDirectory()) throw new Refusal(`${path} is a folder. Name the file of settings in it.`);
  if (!present.isFile()) throw new Refusal(`${path} is not a regular file.`);
  return present;
}

function readText(path) {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    throw new Refusal(`${path} cannot be read (${error.code}).`);
  }
}

function withToken(text, token) {
  const line = `${NAME}=${token}`;
  if (text.match(LINE) !== null) return text.replace(LINE, (_, start) => `${start}${line}`);
  const ending = text.includes('\r\n') ? '\r\n' : '\n';
  const gap = text === '' || text.endsWith('\n') ? '' : ending;
  return `${text}${gap}${line}${ending}`;
}

/** Quotes may span lines; what looks like our line may be part of another setting. */
function refuseSideEffects(path, before, after, token) {
  const { [NAME]: _, ...others } = parseEnv(before);
  const { [NAME]: set, ...othersAfter } = parseEnv(after);
  if (others[`${NAME}_FILE`]) {
    throw new Refusal(`${path} sets ${NAME}_FILE: the token is in that file. Remove the line, or write a token there.`);
  }
  if (set !== token || JSON.stringify(sorted(others)) !== JSON.stringify(sorted(othersAfter))) {
    throw new Refusal(`${path} was left alone: setting ${NAME} would change other settings. Look for unclosed quotes.`);
  }
}

function sorted(settings) {
  return Object.entries(settings).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function replace(path, text, present) {
  const unfinished = `${path}.new-${process.pid}`;
  try {
    const file = openSync(unfinished, 'wx', 0o600);
    try {
      fchmodSync(file, 0o600);
      // Whoever reads the file now must be able to read the new one.
      if (present !== null && process.getuid && present.uid !== process.getuid())
        fchownSync(file, present.uid, present.gid);
      writeFileSync(file, text, 'latin1');
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw new Refusal(`${path} cannot be written in ${dirname(path)} (${error.code}). It is unchanged.`);
  }
}
