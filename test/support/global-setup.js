import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { startEmbeddedServer } from '../../dist/libs/persistence/src/embedded/index.js';
import { migrateDatabase } from '../../dist/libs/persistence/src/index.js';
import { migrateQueue } from '../../dist/libs/queue/src/index.js';

/** Nothing here outlives the tests, so nothing needs to reach the disk. */
const SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  autovacuum: 'off', // it would hold the template open at the wrong moment
  max_connections: '400',
};

/**
 * One PostgreSQL for all suites, in a temporary folder, with a migrated database that each suite copies
 * (test-database.ts). The compiled program does it, so what is tested is also what is shipped; `npm test` builds first.
 */
export default async function globalSetup() {
  const folder = await mkdtemp(join(tmpdir(), 'interlock-test-'));
  await chmod(folder, 0o755); // as root, the server runs under another account
  const server = await startEmbeddedServer(folder, { settings: SETTINGS }).catch(async (error) => {
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  const undertaker = spawnUndertaker(server, folder);
  globalThis.interlockTestServer = { server, folder, undertaker };

  try {
    const template = new URL(server.connectionString);
    template.pathname = '/interlock_template';
    const client = new Client({ connectionString: server.connectionString });
    await client.connect();
    await client.query('CREATE DATABASE interlock_template');
    await migrateDatabase(template.href);
    await migrateQueue(template.href);
    await client.query('ALTER DATABASE interlock_template WITH IS_TEMPLATE true ALLOW_CONNECTIONS false');
    await client.end();
  } catch (error) {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  process.env.INTERLOCK_TEST_DATABASE_URL = server.connectionString;
}

/**
 * A process that ends the server and removes its folder when Jest is gone, however it ended: its standard input is a pipe
 * whose other end only Jest holds.
 */
function spawnUndertaker(server, folder) {
  const program = fileURLToPath(new URL('undertaker.js', import.meta.url));
  const child = spawn(process.execPath, [program, String(server.pid), server.dataFolder, folder], {
    stdio: ['pipe', 'ignore', 'inherit'],
    detached: true, // a terminal's Ctrl-C is meant for Jest; this one acts after it
  });
  child.unref();
  child.stdin.unref?.();
  return child;
}
