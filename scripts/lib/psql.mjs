import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { openDatabase } from './database.mjs';
import { built, homeFolder, secret, setting, shown } from './environment.mjs';
import { Refusal } from './refusal.mjs';
import { say } from './terminal.mjs';

/** Runs psql, or tells how to connect; returns the exit status. */
export async function openPsql({ signal, args }) {
  if (!isInstalled()) return explainConnecting();
  const { url, server } = await openDatabase({ signal });
  try {
    signal.throwIfAborted();
    return await runPsql(url, args);
  } finally {
    if (server && !server.reused) await server.stop();
  }
}

function isInstalled() {
  return spawnSync('psql', ['--version'], { stdio: 'ignore' }).status === 0;
}

async function runPsql(url, args) {
  const { address, password } = withoutPassword(url);
  // The password goes by the environment: arguments are for everybody on the machine to read.
  const env = { ...process.env, ...(password && { PGPASSWORD: password }) };
  const child = spawn('psql', [`--dbname=${address}`, ...args], { stdio: 'inherit', env });
  // Ctrl-C is psql's own (it cancels a statement); to end us means to end psql.
  for (const name of ['SIGTERM', 'SIGHUP']) process.on(name, () => child.kill(name));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

async function explainConnecting() {
  const given = secret('DATABASE_URL');
  const { findEmbeddedServer } = await import(built('libs/persistence/src/embedded/index.js'));
  const url = given ?? (await findEmbeddedServer(homeFolder()));
  say(
    'psql is not installed (package postgresql-client, or libpq with Homebrew). Any PostgreSQL client connects with:',
  );
  say();
  if (url === null) {
    say('  nothing at the moment: the embedded database does not run. Start it with: npm start');
  } else {
    const { hostname, port, username, pathname } = new URL(url);
    say(`  host      ${hostname}`);
    say(`  port      ${port || 5432}`);
    say(`  user      ${decodeURIComponent(username)}`);
    say(`  database  ${decodeURIComponent(pathname.slice(1))}`);
  }
  say(`  password  ${passwordPlace(given)}`);
  return 1;
}

function passwordPlace(given) {
  if (given === undefined) return `in the file ${shown(join(homeFolder(), 'postgres-password'))}`;
  return setting('DATABASE_URL') ? 'in the setting DATABASE_URL' : `in the address in ${setting('DATABASE_URL_FILE')}`;
}

/** A database's address without the password, and the password. */
function withoutPassword(url) {
  let address;
  try {
    address = new URL(url);
  } catch {
    throw new Refusal('DATABASE_URL must be an address like postgres://user:password@host:5432/database.');
  }
  const password = decodeURIComponent(address.password) || undefined;
  address.password = '';
  return { address: address.href, password };
}
