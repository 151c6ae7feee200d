import { DataSource } from 'typeorm';
import { migrations } from './migrations/index.js';

// Any number, the same for ever: it makes replicas that migrate at once wait for each other.
const MIGRATION_LOCK = 4_021_977;

/**
 * Brings the database's schema up to this version. Safe to call from many processes at once: one migrates, the others wait and
 * find nothing to do. Either all missing migrations are applied or none.
 * @returns the names of the migrations that were applied now, oldest first
 */
export async function migrateDatabase(databaseUrl: string): Promise<{ applied: string[] }> {
  const dataSource = await openForMigration(databaseUrl);
  const lock = dataSource.createQueryRunner();
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const applied = await dataSource.runMigrations({ transaction: 'all' });
    return { applied: applied.map((migration) => migration.name) };
  } finally {
    await lock.release();
    await dataSource.destroy(); // ends the session and with it the lock
  }
}

/** The names of migrations that this version knows and the database lacks. */
export async function pendingMigrations(databaseUrl: string): Promise<string[]> {
  const dataSource = await openForMigration(databaseUrl);
  try {
    const [table] = await dataSource.query<{ present: boolean }[]>(
      `SELECT to_regclass('migrations') IS NOT NULL AS present`,
    );
    const known = migrations.map((migration) => migration.name);
    if (table?.present !== true) return known;
    const rows = await dataSource.query<{ name: string }[]>('SELECT name FROM migrations');
    const done = new Set(rows.map((row) => row.name));
    return known.filter((name) => !done.has(name));
  } finally {
    await dataSource.destroy();
  }
}

async function openForMigration(databaseUrl: string): Promise<DataSource> {
  // No statement timeout here: a migration of a large table may take minutes.
  const dataSource = new DataSource({
    type: 'postgres',
    url: databaseUrl,
    applicationName: 'interlock-migrate',
    connectTimeoutMS: 10_000,
    migrations,
    logging: false,
  });
  return dataSource.initialize();
}
