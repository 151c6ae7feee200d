#!/usr/bin/env node
import { requireNode } from './lib/check-node.mjs';

requireNode();

const help = `Usage: npm run reconcile [-- --venue <name>] [--json]

Compares the books with what the venues say: cash, positions, working orders. Prints both sides' numbers side by side and changes
nothing. Orders of which it is still being found out what became of them are left out and counted.

  --venue <name>   only this venue; default: all
  --json           the comparison as JSON, and nothing else

Exit status: 0 they agree, 1 they differ, 2 it could not be compared. A venue out of reach is one reason; another is that trading
goes on so fast that not everything could be compared.

Without DATABASE_URL it is the embedded database of INTERLOCK_HOME.`;

const options = { venue: { type: 'string' }, json: { type: 'boolean', default: false } };

void import('./lib/command.mjs').then(({ runScript }) =>
  runScript(
    help,
    async ({ signal, values }) => {
      const { reconcile } = await import('./lib/check-books.mjs');
      return reconcile(values, signal);
    },
    { options },
  ),
);
