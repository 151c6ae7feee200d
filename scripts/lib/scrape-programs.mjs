import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { migrate } from './database.mjs';
import { built, ROOT } from './environment.mjs';
import { Refusal } from './refusal.mjs';
import { endGroup } from './run-command.mjs';

const READY_WITHIN_MS = 30_000;
const PATIENCE_MS = 5_000;
const TOKEN = 'token-of-a-check-that-ends-soon';

/** Starts api and worker on an embedded database of their own, and hands the metrics page of each to `check(name, page)`. */
export async function scrapePrograms({ signal }, check) {
  const { startEmbeddedServer } = await import(built('libs/persistence/src/embedded/index.js'));
  const home = mkdtempSync(join(tmpdir(), 'interlock-metrics-'));
  chmodSync(home, 0o755); // as root, the server runs under another account
  const children = [];
  let server;
  try {
    server = await startEmbeddedServer(home, { signal });
    await migrate(server.connectionString);
    for (const name of ['api', 'worker']) {
      const environment = { DATABASE_URL: server.connectionString, INTERLOCK_HOME: home };
      await check(name, await scrape(await startProgram(name, environment, children, signal), signal));
    }
  } finally {
    await Promise.all(children.map((child) => endGroup(child, PATIENCE_MS)));
    await server?.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

/** Resolves to the address that the program says it listens at. */
async function startProgram(name, environment, children, signal) {
  const child = spawn(process.execPath, [`dist/apps/${name}/main.js`], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, PORT: '0', WORKER_PORT: '0', ADMIN_API_TOKEN: TOKEN, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const deadline = Date.now() + READY_WITHIN_MS;
  while (Date.now() < deadline && child.exitCode === null) {
    signal.throwIfAborted();
    const address = /"address":"([^"]+)"/.exec(output)?.[1];
    if (address !== undefined) return address;
    await delay(50);
  }
  throw new Refusal(`The ${name} did not start:\n\n${output}`);
}

async function scrape(address, signal) {
  const response = await fetch(`${address}/metrics`, { signal });
  const page = await response.text();
  if (response.status !== 200) throw new Refusal(`${address}/metrics answers ${response.status}: ${page}`);
  return page;
}
