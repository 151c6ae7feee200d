import { readFileSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { Refusal } from './refusal.mjs';

/** The repository's root. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/[/\\]$/, '');

/**
 * Goes to the root, as npm does, so that relative paths in settings mean the same however a script is called, and adds the
 * variables of `.env` to the environment. What the environment has already wins.
 */
export function prepareEnvironment() {
  process.chdir(ROOT);
  let text;
  try {
    text = readFileSync(join(ROOT, '.env'), 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw new Refusal(`The file ${join(ROOT, '.env')} cannot be read (${error.code}).`);
  }
  for (const [name, value] of Object.entries(parseEnv(text))) process.env[name] ??= value;
}

/** A setting's value; an empty one counts as absent. */
export function setting(name) {
  return process.env[name]?.trim() || undefined;
}

/** A secret: the setting itself, or what is in the file that `<name>_FILE` names. */
export function secret(name) {
  const file = setting(`${name}_FILE`);
  if (setting(name) !== undefined || file === undefined) return setting(name);
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new Refusal(`${name}_FILE must be a readable file (${error.code}).`);
  }
}

/** Absolute path of the home folder. */
export function homeFolder() {
  return resolve(setting('INTERLOCK_HOME') ?? '.interlock');
}

/** A TCP port's setting. */
export function port(name, fallback) {
  const value = Number(setting(name) ?? fallback);
  if (Number.isInteger(value) && value >= 0 && value <= 65535) return value;
  throw new Refusal(`${name} must be a port number from 0 to 65535.`);
}

/** A path as people want to read it: relative when it lies below the root. */
export function shown(path) {
  const short = relative(ROOT, path);
  return short === '' || short.startsWith('..') || isAbsolute(short) ? path : short;
}

/** Address of a compiled module. */
export function built(path) {
  return new URL(`../../dist/${path}`, import.meta.url).href;
}
