import { readSettings, type Settings } from '@interlock/config';

export const TEST_TOKEN = 'test-token-of-the-bootstrap-admin';

/** Settings of a process under test: free ports, silent logs, the given database. */
export function testSettings(databaseUrl: string, environment: Record<string, string> = {}): Settings {
  return readSettings({
    NODE_ENV: 'test',
    DATABASE_URL: databaseUrl,
    ADMIN_API_TOKEN: TEST_TOKEN,
    PORT: '0',
    WORKER_PORT: '0',
    LOG_LEVEL: 'fatal',
    SHUTDOWN_GRACE_MS: '400',
    ...environment,
  });
}
