#!/usr/bin/env node
import { requireNode } from './lib/check-node.mjs';

requireNode();

const help = `Usage: npm run db:seed

Imports the bundled dataset "sample" (real, resolved Kalshi markets) and makes a little trading in mode mock (3 orders,
2 fills, a loss of 6.25 today), so that the risk guards have something to read; first it brings the database up to this
version. Doing it again changes nothing. Without DATABASE_URL it is the embedded database of INTERLOCK_HOME, which is started
for as long as that takes unless it runs.`;

void import('./lib/command.mjs').then(({ runScript }) =>
  runScript(help, async ({ signal }) => {
    const { prepareProgram } = await import('./lib/prepare-program.mjs');
    const { migrate, seed, withDatabase } = await import('./lib/database.mjs');
    const { step } = await import('./lib/terminal.mjs');
    await prepareProgram({ signal });
    await withDatabase({ signal }, async (url) => {
      await step('migrate', () => migrate(url));
      let seeded;
      await step('dataset', async () => {
        seeded = await seed(url, { withLedger: true });
        return seeded.dataset;
      });
      await step('ledger', () => seeded.ledger);
    });
  }),
);
