#!/usr/bin/env node
import { requireNode } from './lib/check-node.mjs';

requireNode();

const help = `Usage: npm run reconcile [-- --venue <name>] [--json] [--accept-cash --reason <text> [--by <name>]]

Compares the books with what the venues say: cash, positions, working orders. Prints both sides' numbers side by side and changes
nothing. Orders of which it is still being found out what became of them are left out and counted.

  --venue <name>   only this venue; default: all
  --json           the comparison as JSON, and nothing else
  --accept-cash    books what cash differs by as a deposit or withdrawal, and compares again. Only where nothing else differs; never
                   touches positions, orders or switches. Needs --venue where there are several
  --reason <text>  why: where the money came from or went; kept with the transfer and told in the event
  --by <name>      who books it; default: the system's user

Exit status: 0 they agree (now), 1 they differ, 2 it could not be compared. A venue out of reach is one reason; another is that
trading goes on so fast that not everything could be compared.

Without DATABASE_URL it is the embedded database of INTERLOCK_HOME.`;

const options = {
  venue: { type: 'string' },
  json: { type: 'boolean', default: false },
  'accept-cash': { type: 'boolean', default: false },
  reason: { type: 'string' },
  by: { type: 'string' },
};

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
