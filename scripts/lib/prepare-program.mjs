import { compile } from './compile.mjs';
import { install } from './install.mjs';
import { step } from './terminal.mjs';

/** Installs and builds what is missing. */
export async function prepareProgram({ signal }) {
  await step('install', (onProgress) => install({ signal, onProgress }));
  await step('build', (onProgress) => compile({ signal, onProgress }));
}
