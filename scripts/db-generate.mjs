#!/usr/bin/env node
import { requireNode } from './lib/check-node.mjs';

requireNode();

const help = `Usage: npm run db:generate -- <name>

Compares the entities with the migrations, on a database of its own in a temporary folder, and writes what is missing as a new
migration to libs/persistence/src/migrations. It only adds: tables, columns, indexes and checks that no entity describes are
written by hand, as most here are, and are left alone. A change that would lose data is shown and not written (status 1).
The name is of lower-case words: npm run db:generate -- order-notes`;

void import('./lib/command.mjs').then(({ runScript }) =>
  runScript(
    help,
    async ({ signal, positionals }) => {
      const { prepareProgram } = await import('./lib/prepare-program.mjs');
      const { generateMigration, checkedName } = await import('./lib/generate-migration.mjs');
      const name = checkedName(positionals[0]);
      await prepareProgram({ signal });
      return generateMigration(name, signal);
    },
    { positionals: 1 },
  ),
);
