#!/usr/bin/env node
import { requireNode } from './lib/check-node.mjs';

requireNode();

const help = `Usage: npm run token:rotate -- --env-file .env [--show]

Makes a new admin token and writes it to the file as ADMIN_API_TOKEN, in one step and with mode 600; every other line stays as it
is. Makes the file or the line when missing. The old token is valid until the api is started again.

  --env-file FILE   the file (.env); relative to the repository's root
  --show            print the new token`;

// Before .env is read: what the environment has already wins over the file.
const given = ['ADMIN_API_TOKEN', 'ADMIN_API_TOKEN_FILE'].find((name) => process.env[name]?.trim());

void import('./lib/command.mjs').then(({ runScript }) =>
  runScript(
    help,
    async ({ values }) => {
      const { rotateToken } = await import('./lib/token-file.mjs');
      const { shown } = await import('./lib/environment.mjs');
      const { say } = await import('./lib/terminal.mjs');
      const { default: paths } = await import('node:path');
      const path = paths.resolve(values['env-file']);
      const { token, outcome, isNew } = rotateToken(path);
      say(`${shown(path)}: ${outcome}`);
      if (values.show) say(token);
      say('Start again every api that has its settings from this file; until then it takes the old token only.');
      if (isNew) say('A token that npm start made in INTERLOCK_HOME/admin-token counts no longer then.');
      if (given) say(`Mind that ${given} is set in your environment, which wins over the file.`);
    },
    { options: { 'env-file': { type: 'string', default: '.env' }, show: { type: 'boolean', default: false } } },
  ),
);
