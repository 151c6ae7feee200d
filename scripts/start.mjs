#!/usr/bin/env node
import { requireNode } from './lib/check-node.mjs';

requireNode();

const help = `Usage: npm start

Installs and builds what is missing, starts the embedded database (unless DATABASE_URL is set), migrates it, runs
api and worker and keeps them running. Ctrl-C or SIGTERM ends everything.

Settings come from the environment and from .env; .env.example lists them. The most important:
  PORT, WORKER_PORT   where api (3000) and worker (3001) listen
  INTERLOCK_HOME      folder of the database and of the admin token (.interlock)
  DATABASE_URL        a PostgreSQL of your own instead of the embedded one
  ADMIN_API_TOKEN     the first admin's token; without it one is made in INTERLOCK_HOME/admin-token`;

void import('./lib/command.mjs').then(({ runScript }) =>
  runScript(help, async ({ signal }) => (await import('./lib/launcher.mjs')).launch({ signal })),
);
