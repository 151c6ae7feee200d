import { resolve } from 'node:path';
import { z } from 'zod';
import { list } from './parsers.js';

/** How the pipeline `python` calls its entrypoint. */
export interface PythonSettings {
  /** A name to look up in PATH, or an absolute path. */
  readonly bin: string;
  /** Absolute path of the repository to run; undefined: the one that comes with the program. */
  readonly folder: string | undefined;
  /** The modules to look for, in this order. */
  readonly modules: readonly string[];
  /** In milliseconds. */
  readonly timeoutMs: number;
  /** What a child may know of our environment. */
  readonly environment: Readonly<Record<string, string>>;
}

interface PythonVariables {
  readonly CALIBRATION_PYTHON_BIN: string;
  readonly CALIBRATION_PYTHON_PATH?: string | undefined;
  readonly CALIBRATION_ENTRYPOINT_MODULE?: string | undefined;
  readonly CALIBRATION_PYTHON_TIMEOUT_MS: number;
}

const CANDIDATES = ['runners.features.calibration', 'pipelines.daily_job'];
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'TZ'];

export function pythonSettings(
  variables: PythonVariables,
  environment: Readonly<Record<string, string>>,
): PythonSettings {
  const { CALIBRATION_PYTHON_BIN: bin, CALIBRATION_PYTHON_PATH: folder } = variables;
  const module = variables.CALIBRATION_ENTRYPOINT_MODULE;
  return {
    // The child starts in another folder, from which a relative path would mean something else.
    bin: bin.includes('/') ? resolve(bin) : bin,
    folder: folder === undefined ? undefined : resolve(folder),
    modules: module === undefined ? CANDIDATES : [module],
    timeoutMs: variables.CALIBRATION_PYTHON_TIMEOUT_MS,
    environment,
  };
}

/**
 * What a Python child may know: a few harmless variables, its own settings, and those that the operator names. Never more, since
 * the environment of this process holds tokens and the database's address.
 */
export function pythonEnvironment(
  values: Readonly<Record<string, string>>,
  named: readonly string[],
): Record<string, string> {
  const allowed = new Set([...PASSED_ON, ...named]);
  return Object.fromEntries(
    Object.entries(values).filter(([variable]) => allowed.has(variable) || variable.startsWith('CALIBRATION_')),
  );
}

/** The dotted name of a Python module. */
export function pythonModule() {
  return z
    .string()
    .regex(/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/, 'the dotted name of a Python module, such as pipelines.daily_job');
}

/** Names of environment variables, separated by commas. */
export function variableNames() {
  const isName = (item: string) => /^[A-Za-z_]\w*$/.test(item);
  return list(isName, 'names of variables separated by commas, such as MODEL_HOME,OMP_NUM_THREADS');
}
