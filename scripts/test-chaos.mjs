#!/usr/bin/env node
import { requireNode } from './lib/check-node.mjs';

requireNode();

const help = `Usage: npm run test:chaos -- [--backend postgres|redis] [--seed N] [--operations N] [--shrink-minutes N] [--auto-kill-switch] [--logs FILE]

Starts two apis, two workers and a database, lets a random schedule loose on them (starts, orders, switches, cancels, flattening; processes
killed and frozen, the database stopped, the paper venue slow, silent and down, Redis killed, frozen, filled and emptied), and
checks that every promise of docs/safety.md was kept. The same seed makes the same schedule. On failure it prints what was broken, the history that concerns it and the schedule, and looks for a shorter one that
fails as well. See docs/chaos.md.

  --backend NAME       where the queue is: postgres (unless told) or redis, which needs a redis-server
  --seed N             the schedule's seed; a random one unless told
  --operations N       its length (2000)
  --shrink-minutes N   how long to look for a shorter schedule (5)
  --auto-kill-switch   let failing runs turn the global switch on
  --logs FILE          on failure, write the programs' logs there`;

void import('./lib/command.mjs').then(({ runScript }) =>
  runScript(
    help,
    async ({ signal, args }) => {
      const { parseArgs } = await import('node:util');
      const { prepareProgram } = await import('./lib/prepare-program.mjs');
      const { runJest } = await import('./lib/run-jest.mjs');
      const { values } = parseArgs({
        args,
        options: {
          backend: { type: 'string', default: 'postgres' },
          seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
          operations: { type: 'string', default: '2000' },
          'shrink-minutes': { type: 'string', default: '5' },
          'auto-kill-switch': { type: 'boolean', default: false },
          logs: { type: 'string' },
        },
      });
      const { UsageError } = await import('./lib/refusal.mjs');
      const { TEST_BACKENDS } = await import('../test/support/test-backends.js');
      if (!TEST_BACKENDS.includes(values.backend)) {
        throw new UsageError(
          `--backend must be one of: ${TEST_BACKENDS.join(', ')} (redis needs a redis-server, 6.2 or later)`,
        );
      }
      process.env.INTERLOCK_CHAOS_SEED = values.seed;
      process.env.INTERLOCK_CHAOS_OPERATIONS = values.operations;
      process.env.INTERLOCK_CHAOS_SHRINK_MINUTES = values['shrink-minutes'];
      process.env.INTERLOCK_CHAOS_AUTO_KILL_SWITCH = String(values['auto-kill-switch']);
      if (values.logs !== undefined) process.env.INTERLOCK_CHAOS_LOGS = values.logs;
      await prepareProgram({ signal });
      // The project redis (jest.config.js) is what runs suites on Redis.
      const project = [values.backend === 'redis' ? '--selectProjects' : '--ignoreProjects', 'redis'];
      return runJest([...project, '--runTestsByPath', 'test/chaos/chaos.spec.ts'], signal);
    },
    { passArguments: true },
  ),
);
