#!/usr/bin/env node
import { requireNode } from '../scripts/lib/check-node.mjs';

requireNode();

void Promise.all([import('../scripts/lib/command.mjs'), import('./lib/catalogue.mjs')]).then(
  ([{ runScript }, { help }]) =>
    runScript(
      help(),
      async ({ signal, values, positionals }) => {
        const { runBenchmarks } = await import('./lib/run-benchmarks.mjs');
        return runBenchmarks(positionals[0], values, signal);
      },
      {
        options: {
          backend: { type: 'string' },
          quick: { type: 'boolean', default: false },
          rows: { type: 'string' },
          python: { type: 'string' },
          profile: { type: 'boolean', default: false },
        },
        positionals: 1,
      },
    ),
);
