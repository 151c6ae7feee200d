#!/usr/bin/env node
import { requireNode } from './lib/check-node.mjs';

requireNode();

const help = `Usage: npm run build

Compiles apps and libs to dist/, when something changed since the last time. Installs nothing.`;

void import('./lib/command.mjs').then(({ runScript }) =>
  runScript(help, async ({ signal }) => {
    const { compile } = await import('./lib/compile.mjs');
    const { step } = await import('./lib/terminal.mjs');
    await step('build', (onProgress) => compile({ signal, onProgress }));
  }),
);
