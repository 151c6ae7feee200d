#!/usr/bin/env node
import { requireNode } from './lib/check-node.mjs';

requireNode();

const help = `Usage: npm run ledger:check

Rebuilds positions, cash, profit and loss and what working orders reserve from the journal, from nothing, and compares them with what
is stored, to the last digit. Changes nothing; trading may go on meanwhile.

Exit status: 0 all agree, 1 something differs, 2 it could not be checked.

Without DATABASE_URL it is the embedded database of INTERLOCK_HOME.`;

void import('./lib/command.mjs').then(({ runScript }) =>
  runScript(help, async ({ signal }) => {
    const { ledgerCheck } = await import('./lib/check-books.mjs');
    return ledgerCheck(signal);
  }),
);
