#!/usr/bin/env node
import { requireNode } from './lib/check-node.mjs';

requireNode();

const help = `Usage: npm run dev:worker

Runs a worker, and restarts it whenever a source in apps or libs changes. It needs a migrated database: that of DATABASE_URL, else
the embedded one of INTERLOCK_HOME, which must run already. Beside another worker, set WORKER_PORT to a free port.`;

void import('./lib/command.mjs').then(({ runScript }) =>
  runScript(help, async ({ signal }) => {
    const { prepareProgram } = await import('./lib/prepare-program.mjs');
    const { runWatchedWorker } = await import('./lib/watched-worker.mjs');
    await prepareProgram({ signal });
    return runWatchedWorker(signal);
  }),
);
