#!/usr/bin/env node
import { requireNode } from './lib/check-node.mjs';

requireNode();

const help = `Usage: npm run client:generate

Generates the typed TypeScript client in clients/typescript/src from docs/openapi.json. Needs no network.`;

void import('./lib/command.mjs').then(({ runScript }) =>
  runScript(help, async ({ signal }) => {
    const { install } = await import('./lib/install.mjs');
    const { CLIENT, writeClient } = await import('./lib/typescript-client.mjs');
    const { step } = await import('./lib/terminal.mjs');
    await step('install', (onProgress) => install({ signal, onProgress }));
    await step('client', async () => `${await writeClient()} in ${CLIENT}`);
  }),
);
