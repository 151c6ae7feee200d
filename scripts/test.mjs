#!/usr/bin/env node
import { requireNode } from './lib/check-node.mjs';

requireNode();

const help = `Usage: npm test [-- <arguments for Jest>], npm run test:e2e [-- <arguments for Jest>]

Installs and builds what is missing, runs the tests, and ends with the line "N passed, N failed" (", N skipped" when some
were). A test file that cannot be run at all counts as one failed. Examples:

  npm test -- libs/kill-switch
  npm test -- --testNamePattern 'K2'`;

void import('./lib/command.mjs').then(({ runScript }) =>
  runScript(
    help,
    async ({ signal, args }) => {
      const { prepareProgram } = await import('./lib/prepare-program.mjs');
      const { runJest } = await import('./lib/run-jest.mjs');
      await prepareProgram({ signal });
      return runJest(args, signal);
    },
    { passArguments: true },
  ),
);
