#!/usr/bin/env node
import { requireNode } from './lib/check-node.mjs';

requireNode();

const help = `Usage: npm run db:migrate

Brings the database up to this version: our tables and the queue's. Without DATABASE_URL it is the embedded
database of INTERLOCK_HOME, which is started for as long as that takes unless it runs.`;

void import('./lib/command.mjs').then(({ runScript }) =>
  runScript(help, async ({ signal }) => {
    const { prepareProgram } = await import('./lib/prepare-program.mjs');
    const { migrate, withDatabase } = await import('./lib/database.mjs');
    const { step } = await import('./lib/terminal.mjs');
    await prepareProgram({ signal });
    await withDatabase({ signal }, (url) => step('migrate', () => migrate(url)));
  }),
);
