import { Client } from 'pg';
import { DATABASE_NAME } from './data-folder.js';
import { codeOf } from './system-errors.js';

/** Address of a database of the embedded server. The password is hexadecimal and needs no escaping. */
export function connectionStringFor(port: number, password: string, database = DATABASE_NAME): string {
  return `postgres://${DATABASE_NAME}:${password}@127.0.0.1:${port}/${database}`;
}

/** Whether a server answers on the port, takes the password, and serves this data folder and no other. */
export async function serverAnswers(port: number, password: string, dataFolder: string): Promise<boolean> {
  try {
    return await withClient(port, password, async (client) => {
      const { rows } = await client.query<{ data_directory: string }>('SHOW data_directory');
      return rows[0]?.data_directory === dataFolder;
    });
  } catch {
    return false;
  }
}

/** Creates the database when it is missing. */
export async function ensureDatabase(port: number, password: string): Promise<void> {
  await withClient(port, password, async (client) => {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE_NAME]);
    if (rowCount !== 0) return;
    await client.query(`CREATE DATABASE ${DATABASE_NAME}`).catch((error: unknown) => {
      if (codeOf(error) !== '42P04' && codeOf(error) !== '23505') throw error; // another process was faster
    });
  });
}

async function withClient<T>(port: number, password: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({
    connectionString: connectionStringFor(port, password, 'postgres'),
    application_name: 'interlock-embedded',
    // A frozen server accepts connections, but never answers.
    connectionTimeoutMillis: 3_000,
    query_timeout: 10_000,
  });
  client.on('error', () => undefined); // the server may go away while we hold the connection; the query tells
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
