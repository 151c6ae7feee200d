import type { ClientConfig } from 'pg';
import type { DataSourceOptions } from 'typeorm';
import { DatabaseClient } from './database-client.js';

/** Longest time a statement may run on the server, lock waits included. */
const STATEMENT_TIMEOUT_MS = 4_000;
/** Longest time a session may hold a transaction open without a statement under way (safety.md, K2). */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 1_000;
/** Longest wait for a connection, from the pool or to the server. */
const CONNECT_TIMEOUT_MS = 2_500;

/**
 * How every connection to the database behaves.
 *
 * A process that is frozen in the middle of a transaction keeps the kill switch's lock; the server ends such a session after a
 * second, so that the button is never held (K2). READ COMMITTED is set here rather than per transaction: the kill switch's
 * protocol needs each statement to see what was committed before it, and a server may have another default.
 */
export function connectionConfig(url: string, applicationName: string): ClientConfig {
  return {
    connectionString: url,
    application_name: applicationName,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS + 500,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
    options: [
      '-c default_transaction_isolation=read\\ committed',
      '-c timezone=UTC',
      '-c tcp_keepalives_idle=5',
      '-c tcp_keepalives_interval=2',
      '-c tcp_keepalives_count=3',
    ].join(' '),
  };
}

/** TypeORM options over the same connections. `poolMax` is the most connections that the pool may hold. */
export function dataSourceOptions(url: string, applicationName: string, poolMax: number): DataSourceOptions {
  const { connectionString: _, ...extra } = connectionConfig(url, applicationName);
  // What was once connected stays so: in a burst, connecting anew would be what everybody waits for.
  const pool = { ...extra, max: poolMax, min: poolMax, Client: DatabaseClient };
  return { type: 'postgres', url, synchronize: false, logging: false, extra: pool };
}
