#!/usr/bin/env node
import { requireNode } from './lib/check-node.mjs';

requireNode();

const help = `Usage: npm run start:api, npm run start:worker (the same: npm run worker)

Runs one program of the last build. Settings come from the environment (.env.example lists them; .env itself is read only by
npm start and the other commands). Without DATABASE_URL it attaches to the embedded database of INTERLOCK_HOME when that runs.
The database must be migrated: npm run db:migrate. SIGTERM ends it gracefully.`;

void import('./lib/start-program.mjs').then(({ startProgram }) => startProgram(help));
