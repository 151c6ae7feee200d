import { CannotStart, EXIT_STATUS } from '@interlock/observability';
import type { QueueClient } from './queue-backend.js';

/**
 * Waits for a Queue's or Worker's first connection, which must not be left to chance: BullMQ 6.7 remembers for ever that it failed,
 * so that a database which is lost in the middle of a start would leave a process that looks alive and neither adds nor takes a job.
 * @throws CannotStart when the connection failed; only another process, or at least another client, can get through then
 */
export async function queueReady(client: QueueClient): Promise<void> {
  try {
    await client.waitUntilReady();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CannotStart(
      `The database was lost while the queue connected to it (${reason}). Start again.`,
      EXIT_STATUS.unavailable,
    );
  }
}
