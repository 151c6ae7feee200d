#!/usr/bin/env node
import { requireNode } from './lib/check-node.mjs';

requireNode();

const help = `Usage: npm run db:psql [-- <arguments for psql>]

Opens psql on the database, or tells how to connect where psql is not installed; the password is never shown. Without DATABASE_URL
it is the embedded database of INTERLOCK_HOME, which is started for as long as that takes unless it runs. Example:

  npm run db:psql -- -c 'SELECT status, count(*) FROM runs GROUP BY status'`;

void import('./lib/command.mjs').then(({ runScript }) =>
  runScript(
    help,
    async ({ signal, args }) => {
      const { prepareProgram } = await import('./lib/prepare-program.mjs');
      const { openPsql } = await import('./lib/psql.mjs');
      await prepareProgram({ signal });
      return openPsql({ signal, args });
    },
    { passArguments: true },
  ),
);
