import { Client } from 'pg';
import { createTestDatabase } from './test-database.js';

describe('createTestDatabase', () => {
  it('gives migrated databases that do not see each other, many at the same time', async () => {
    const databases = await Promise.all(Array.from({ length: 8 }, () => createTestDatabase()));
    expect(new Set(databases.map((database) => database.url)).size).toBe(8);
    for (const database of databases) {
      const client = new Client({ connectionString: database.url });
      client.on('error', () => undefined); // dropping cuts it
      await client.connect();
      const { rows } = await client.query(
        `SELECT to_regclass('migrations') AS ours, to_regnamespace('bullmq') AS queue`,
      );
      expect(rows).toEqual([{ ours: 'migrations', queue: 'bullmq' }]);
      await client.query('CREATE TABLE only_here ()');
      await database.drop();
    }
  });
});
