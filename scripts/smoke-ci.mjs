#!/usr/bin/env node
import { requireNode } from './lib/check-node.mjs';

requireNode();

const help = `Usage: npm run smoke:ci [-- --url <address>]

Starts the whole system in a temporary folder, on free ports and with a token of its own, checks health, a start and the kill
switch over HTTP, and removes everything again. Ends with 0 when all checks passed, else with 1.

  --url <address>   check a running deployment instead, with the token in ADMIN_API_TOKEN. It makes a dry run of strategy "smoke" and
                    turns the switch of strategy:smoke on and off again; nothing else is touched. Events and alerts tell of it.`;

void import('./lib/command.mjs').then(({ runScript }) =>
  runScript(
    help,
    async ({ signal, values }) => {
      const { smokeDeployment, smokeHere } = await import('./lib/smoke.mjs');
      return values.url === undefined ? smokeHere(signal) : smokeDeployment(values.url, signal);
    },
    { options: { url: { type: 'string' } } },
  ),
);
