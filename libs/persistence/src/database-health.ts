import { Settings } from '@interlock/config';
import { measureHealth, type PartHealth, PartUnwell } from '@interlock/observability';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Pool } from 'pg';
import { connectionConfig } from './connection.js';
import { DatabaseClient } from './database-client.js';

/** Below what a health route waits for a part, so that a check never outlives the answer by much. */
const PATIENCE_MS = 1_400;

/**
 * Whether the database answers and takes writes. It is asked on a connection of its own: a busy pool must not look like a
 * database that is gone, and checks must not wait for it.
 */
@Injectable()
export class DatabaseHealth implements OnApplicationShutdown {
  private readonly pool: Pool;
  private checking: Promise<void> | undefined;

  constructor(settings: Settings) {
    this.pool = new Pool({
      ...connectionConfig(settings.requireDatabaseUrl(), 'interlock-health'),
      query_timeout: PATIENCE_MS,
      connectionTimeoutMillis: PATIENCE_MS,
      idleTimeoutMillis: 60_000, // longer than the pauses between probes
      max: 1,
      Client: DatabaseClient,
    });
    this.pool.on('error', () => undefined); // the next check connects anew
  }

  check(): Promise<PartHealth> {
    return measureHealth('database', () => this.ask());
  }

  async onApplicationShutdown(): Promise<void> {
    await this.pool.end();
  }

  /** One question at a time answers all who ask meanwhile. */
  private ask(): Promise<void> {
    this.checking ??= this.takesWrites().finally(() => {
      this.checking = undefined;
    });
    return this.checking;
  }

  private async takesWrites(): Promise<void> {
    const connection = await this.pool.connect();
    let isOfUse = false;
    try {
      const { rows } = await connection.query<{ readOnly: boolean }>(
        `SELECT current_setting('transaction_read_only')::boolean AS "readOnly"`,
      );
      if (rows[0]?.readOnly === true) throw new PartUnwell('the database takes no writes');
      isOfUse = true;
    } finally {
      // A new connection may lead to another server, which takes writes.
      connection.release(!isOfUse);
    }
  }
}
