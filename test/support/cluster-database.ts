import { setTimeout as delay } from 'node:timers/promises';
import { migrateDatabase } from '@interlock/persistence';
import { migrateQueue } from '@interlock/queue';
import { Pool, type QueryResultRow } from 'pg';
import { seedDatabase } from '../../apps/cli/seed-database.js';
import { type EmbeddedServer, startEmbeddedServer } from '../../libs/persistence/src/embedded/index.js';
import { quietPort } from './quiet-port.js';

/** The system never crashes here, only processes do: what was handed to it is kept without being forced to the disk. */
const SETTINGS = { fsync: 'off', full_page_writes: 'off', max_connections: '400' };
const START_PATIENCE_MS = 30_000;

/** The PostgreSQL of a cluster: its own server, which can be stopped hard and comes back at the same address. */
export class ClusterDatabase {
  private pool: Pool;

  private constructor(
    private readonly folder: string,
    private server: EmbeddedServer | undefined,
    readonly url: string,
  ) {
    this.pool = this.openPool();
  }

  /** Starts a server in `folder` (readable for others: as root the server runs under another account), migrated and seeded. */
  static async start(folder: string): Promise<ClusterDatabase> {
    const port = await quietPort();
    const server = await startEmbeddedServer(folder, { port, settings: SETTINGS });
    try {
      await migrateDatabase(server.connectionString);
      await migrateQueue(server.connectionString);
      await seedDatabase(server.connectionString);
    } catch (error) {
      await server.stop(1_000);
      throw error;
    }
    return new ClusterDatabase(folder, server, server.connectionString);
  }

  get isUp(): boolean {
    return this.server !== undefined;
  }

  async query<Row extends QueryResultRow>(statement: string, values: unknown[] = []): Promise<Row[]> {
    const { rows } = await this.pool.query<Row>(statement, values);
    return rows;
  }

  /** As `pg_ctl stop -m immediate`: every session is cut, nothing is written; the next start recovers from the log. */
  async stopImmediately(): Promise<void> {
    const { server } = this;
    if (server === undefined) return;
    this.server = undefined;
    process.kill(server.pid, 'SIGQUIT');
    await server.exited;
  }

  /** Starts the stopped server again, at the same address; resolves when it answers. */
  async restart(): Promise<void> {
    if (this.server !== undefined) return;
    const port = Number(new URL(this.url).port);
    const until = performance.now() + START_PATIENCE_MS;
    for (;;) {
      try {
        this.server = await startEmbeddedServer(this.folder, { port, settings: SETTINGS });
        return;
      } catch (error) {
        if (performance.now() > until) throw error;
        await delay(100);
      }
    }
  }

  /** Cuts the connections on which processes listen for notifications; returns how many there were. */
  async cutListeners(): Promise<number> {
    const cut = await this.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'interlock-listen%'`,
    );
    return cut.length;
  }

  async close(): Promise<void> {
    await this.pool.end().catch(() => undefined);
    await this.server?.stop(2_000);
    this.server = undefined;
  }

  private openPool(): Pool {
    const pool = new Pool({
      connectionString: this.url,
      application_name: 'interlock-test-cluster',
      max: 4,
      connectionTimeoutMillis: 5_000,
    });
    pool.on('error', () => undefined); // the server is stopped on purpose
    return pool;
  }
}
