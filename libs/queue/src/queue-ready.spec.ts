import { EXIT_STATUS } from '@interlock/observability';
import { Queue } from 'bullmq';
import { startRelay } from '../../../test/support/relay.js';
import { createTestDatabase } from '../../../test/support/test-database.js';
import { PostgresBackend } from './postgres-backend.js';
import { queueReady } from './queue-ready.js';

describe('queueReady', () => {
  it('R7 ends the start of a process whose queue met a database that was away, since that queue stays dead', async () => {
    const database = await createTestDatabase();
    const relay = await startRelay(database.url);
    await relay.become('cut');
    const backend = new PostgresBackend(relay.url, 'test');
    const { connection } = backend.open();
    const queue = new Queue('execution_start', { connection: connection ?? {} });
    queue.on('error', () => undefined);
    try {
      await expect(queueReady(queue)).rejects.toMatchObject({ exitStatus: EXIT_STATUS.unavailable });
      await relay.become('open');
      // Should this fail some day, BullMQ connects again by itself, and nothing needs to end.
      await expect(queue.isPaused()).rejects.toMatchObject({ code: 'ECONNREFUSED' });

      const another = new Queue('execution_start', { connection: connection ?? {} });
      await queueReady(another);
      expect(await another.isPaused()).toBe(false);
      await another.close();
    } finally {
      await queue.close().catch(() => undefined);
      await backend.onApplicationShutdown();
      await relay.become('cut');
      await database.drop();
    }
  });
});
