#!/usr/bin/env node
import { requireNode } from './lib/check-node.mjs';

requireNode();

const help = `Usage: npm run openapi:check

Checks that docs/openapi.json is what the code says and keeps the rules of redocly.yaml, and that the client in
clients/typescript/src is what it gives. Needs no database and no network.`;

void import('./lib/command.mjs').then(({ runScript }) =>
  runScript(help, async ({ signal }) => {
    const { prepareProgram } = await import('./lib/prepare-program.mjs');
    const { compareDocument, lintDocument } = await import('./lib/openapi-document.mjs');
    const { compareClient } = await import('./lib/typescript-client.mjs');
    const { step } = await import('./lib/terminal.mjs');
    await prepareProgram({ signal });
    await step('document', compareDocument);
    await step('rules', () => lintDocument({ signal }));
    await step('client', compareClient);
  }),
);
