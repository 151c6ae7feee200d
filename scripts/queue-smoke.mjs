#!/usr/bin/env node
import { requireNode } from './lib/check-node.mjs';

requireNode();

const help = `Usage: npm run queue:smoke -- <mock|paper|live>

Starts a dry run over HTTP (strategy "smoke") and follows it to its end, which shows that api, queue and worker work together. Ends
with 0 when the run was done, else with 1.

  INTERLOCK_URL     the api (http://127.0.0.1:PORT)
  ADMIN_API_TOKEN   its token; without it the one in INTERLOCK_HOME/admin-token`;

void import('./lib/command.mjs').then(({ runScript }) =>
  runScript(
    help,
    async ({ signal, positionals }) => {
      const { queueSmoke } = await import('./lib/queue-smoke.mjs');
      return queueSmoke(positionals[0], signal);
    },
    { positionals: 1 },
  ),
);
