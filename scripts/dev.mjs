#!/usr/bin/env node
import { requireNode } from './lib/check-node.mjs';

requireNode();

const help = `Usage: npm run dev

As npm start, and whenever a source in apps or libs changes it is compiled and api and worker are restarted. With errors the last
build goes on running. A new migration is applied with npm run db:migrate, in another terminal. Settings: npm start -- --help`;

void import('./lib/command.mjs').then(({ runScript }) =>
  runScript(help, async ({ signal }) => (await import('./lib/launcher.mjs')).launch({ signal, watch: true })),
);
