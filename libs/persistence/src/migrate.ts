import { setTimeout as delay } from 'node:timers/promises';
import { CannotStart, EXIT_STATUS } from '@interlock/observability';
import type { ClientConfig } from 'pg';
import { DataSource, QueryFailedError } from 'typeorm';
import { DatabaseClient } from './database-client.js';
import { migrations } from './migrations/index.js';

// Any number, the same for ever: it makes replicas that migrate at once wait for each other.
const MIGRATION_LOCK = 4_021_977;
/** As PostgreSQL numbers itself: 15.0. */
const OLDEST_SERVER = 150_000;

/**
 * How long a change waits for a table that is in use. Whoever comes after it waits as long, and running programs give a statement
 * up after 4 s: behind a dump, which holds every table to its end, they would all fail if the change waited too.
 */
const LOCK_TIMEOUT_MS = 1_500;
const RETRY_DELAY_MS = 2_000;
/** How long a table may stay in use before the migration is given up. */
const PATIENCE_MS = 600_000;

/**
 * Brings the database's schema up to this version. Safe to call from many processes at once: one migrates, the others wait and
 * find nothing to do. Either all missing migrations are applied or none.
 * @returns the names of the migrations that were applied now, oldest first
 * @throws CannotStart when a later version has been at this database, or the server is too old
 */
export async function migrateDatabase(databaseUrl: string): Promise<{ applied: string[] }> {
  const dataSource = await openForMigration(databaseUrl);
  const lock = dataSource.createQueryRunner();
  try {
    await lock.query('SET lock_timeout = 0');
    await lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    refuseLaterSchema(await appliedMigrations(dataSource));
    return { applied: await runWhenTablesAreFree(dataSource) };
  } finally {
    await lock.release();
    await dataSource.destroy(); // ends the session and with it the lock
  }
}

async function runWhenTablesAreFree(dataSource: DataSource): Promise<string[]> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      const applied = await dataSource.runMigrations({ transaction: 'all' });
      return applied.map((migration) => migration.name);
    } catch (error) {
      if (!isLockTimeout(error)) throw error;
      if (performance.now() > until) {
        throw new CannotStart(
          'A table to be changed is in use and does not become free; is a dump under way? Run it again later.',
          EXIT_STATUS.unavailable,
        );
      }
    }
    await delay(RETRY_DELAY_MS);
  }
}

function isLockTimeout(error: unknown): boolean {
  return error instanceof QueryFailedError && (error.driverError as { code?: string }).code === '55P03';
}

/**
 * The names of migrations that this version knows and the database lacks.
 * @throws CannotStart when a later version has been at this database, or the server is too old
 */
export async function pendingMigrations(databaseUrl: string): Promise<string[]> {
  // Programs that start ask this, and try again when there is no answer.
  const dataSource = await openForMigration(databaseUrl, { query_timeout: 2_500, connectionTimeoutMillis: 2_500 });
  try {
    const applied = await appliedMigrations(dataSource);
    refuseLaterSchema(applied);
    return knownNames().filter((name) => !applied.includes(name));
  } finally {
    await dataSource.destroy();
  }
}

async function appliedMigrations(dataSource: DataSource): Promise<string[]> {
  const [table] = await dataSource.query<{ present: boolean }[]>(
    `SELECT to_regclass('migrations') IS NOT NULL AS present`,
  );
  if (table?.present !== true) return [];
  const rows = await dataSource.query<{ name: string }[]>('SELECT name FROM migrations ORDER BY id');
  return rows.map((row) => row.name);
}

/** This version cannot know what a later one changed about the ledger or the guards, and so must not work with it. */
function refuseLaterSchema(applied: readonly string[]): void {
  const unknown = applied.filter((name) => !knownNames().includes(name));
  if (unknown.length === 0) return;
  throw new CannotStart(
    `The database was upgraded by a later version of Interlock: this one does not know ${unknown.join(', ')}.\n` +
      'Run that version, or restore the backup made before the upgrade (docs/operations.md).',
    EXIT_STATUS.configuration,
  );
}

function knownNames(): string[] {
  return migrations.map((migration) => migration.name);
}

async function openForMigration(databaseUrl: string, limits: ClientConfig = {}): Promise<DataSource> {
  // No statement timeout here unless told: a migration of a large table may take minutes.
  const dataSource = new DataSource({
    type: 'postgres',
    url: databaseUrl,
    applicationName: 'interlock-migrate',
    connectTimeoutMS: 10_000,
    migrations,
    logging: false,
    // The server must notice soon that a migrating machine is gone: until then it holds the lock.
    extra: {
      ...limits,
      Client: DatabaseClient,
      options: `-c lock_timeout=${LOCK_TIMEOUT_MS} -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3`,
    },
  });
  await dataSource.initialize();
  try {
    const [server] = await dataSource.query<{ server_version_num: string }[]>('SHOW server_version_num');
    refuseOldServer(Number(server?.server_version_num));
  } catch (error) {
    await dataSource.destroy();
    throw error;
  }
  return dataSource;
}

/**
 * @param version as PostgreSQL numbers itself: 150004 is 15.4
 * @throws CannotStart when it is below 15
 */
export function refuseOldServer(version: number): void {
  if (version >= OLDEST_SERVER) return;
  const release = `${Math.floor(version / 10_000)}.${version % 10_000}`;
  throw new CannotStart(`PostgreSQL 15 or later is needed, and this server is ${release}.`, EXIT_STATUS.configuration);
}
