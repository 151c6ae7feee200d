import { built, homeFolder, secret } from './environment.mjs';
import { Refusal } from './refusal.mjs';
import { orStop } from './stop-requests.mjs';

/**
 * Gives the database's address: that of DATABASE_URL, else of the embedded server, which is started when it does not run.
 * @returns `{ url, server }`; `server` is null with DATABASE_URL
 */
export async function openDatabase({ signal, onProgress, port } = {}) {
  const url = secret('DATABASE_URL');
  if (url !== undefined) return { url, server: null };
  const { startEmbeddedServer } = await import(built('libs/persistence/src/embedded/index.js'));
  try {
    const server = await startEmbeddedServer(homeFolder(), { signal, onProgress, ...(port && { port }) });
    return { url: server.connectionString, server };
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw new Refusal(error.message, { cause: error });
  }
}

/** One line about the server for the operator. */
export function describeDatabase({ server }) {
  if (server === null) return 'the one of DATABASE_URL';
  return `${server.reused ? 'took over the running server' : 'PostgreSQL'} on 127.0.0.1:${server.port}`;
}

/**
 * Does work with the database of the settings. An embedded server that does not run is started for as long as that takes; one
 * that runs already (`npm start` in another window) is left running.
 */
export async function withDatabase({ signal }, work) {
  const { server, url } = await openDatabase({ signal });
  try {
    return await orStop(signal, work(url));
  } finally {
    if (server && !server.reused) await server.stop();
  }
}

/** Brings all schemas up to this version, the queue's too; tells what it did. */
export async function migrate(url) {
  const { migrateDatabase } = await import(built('libs/persistence/src/index.js'));
  const { migrateQueue } = await import(built('libs/queue/src/index.js'));
  return explained(async () => {
    const { applied } = await migrateDatabase(url);
    await migrateQueue(url);
    return applied.length === 0 ? 'up to date' : `${applied.length} applied`;
  });
}

/** For commands that only read: refuses a database of another version. */
export async function requireCurrentSchema(url) {
  const { pendingMigrations } = await import(built('libs/persistence/src/index.js'));
  const pending = await explained(() => pendingMigrations(url));
  if (pending.length > 0) throw new Refusal('The database is of an earlier version. Run `npm run db:migrate` first.');
}

async function explained(work) {
  try {
    return await work();
  } catch (error) {
    if (isUnreachable(error)) {
      throw new Refusal(`The database cannot be reached (${error.code}). Check DATABASE_URL.`, { cause: error });
    }
    throw error.name === 'CannotStart' ? new Refusal(error.message, { cause: error }) : error;
  }
}

function isUnreachable(error) {
  return ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH', '28P01', '3D000'].includes(
    error?.code,
  );
}

/** Imports the bundled dataset, and makes a little trading when wanted; doing it again changes nothing. */
export async function seed(url, { withLedger = false } = {}) {
  const { seedDatabase } = await import(built('apps/cli/seed-database.js'));
  return seedDatabase(url, { withLedger });
}
