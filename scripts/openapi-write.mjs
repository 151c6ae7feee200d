#!/usr/bin/env node
import { requireNode } from './lib/check-node.mjs';

requireNode();

const help = `Usage: npm run openapi:write

Writes docs/openapi.json from the code. Needs no database. Afterwards renew the client: npm run client:generate`;

void import('./lib/command.mjs').then(({ runScript }) =>
  runScript(help, async ({ signal }) => {
    const { prepareProgram } = await import('./lib/prepare-program.mjs');
    const { DOCUMENT, writeDocument } = await import('./lib/openapi-document.mjs');
    const { step } = await import('./lib/terminal.mjs');
    await prepareProgram({ signal });
    await step('document', async () => `${await writeDocument()} in ${DOCUMENT}`);
  }),
);
