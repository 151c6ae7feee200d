#!/usr/bin/env node
import { requireNode } from './lib/check-node.mjs';

requireNode();

const help = `Usage: npm run db:seed

Imports the bundled dataset "sample" (real, resolved Kalshi markets), after bringing the database up to this version.
Doing it again changes nothing. Without DATABASE_URL it is the embedded database of INTERLOCK_HOME, which is started
for as long as that takes unless it runs.`;

void import('./lib/command.mjs').then(({ runScript }) =>
  runScript(help, async ({ signal }) => {
    const { prepareProgram } = await import('./lib/prepare-program.mjs');
    const { migrate, seed, withDatabase } = await import('./lib/database.mjs');
    const { step } = await import('./lib/terminal.mjs');
    await prepareProgram({ signal });
    await withDatabase({ signal }, async (url) => {
      await step('migrate', () => migrate(url));
      await step('dataset', () => seed(url));
    });
  }),
);
