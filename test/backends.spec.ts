import { createTestDatabase } from './support/test-database.js';
import { startApiSide } from './support/run-processes.js';
import { openTestQueue, TEST_BACKEND } from './support/test-queue.js';
import { JobQueues } from '@interlock/queue';

it(`the queue of these suites is in ${TEST_BACKEND}`, async () => {
  const database = await createTestDatabase();
  const queue = await openTestQueue(database.url);
  const api = await startApiSide(database.url, queue.environment);
  try {
    const id = '01a206cb-0f1e-761e-811f-6e6273252944';
    await api.get(JobQueues).addBulk('execution_start', [{ id, data: { runId: id } }]);
    expect(await queue.countJobs('execution_start')).toBe(1);
    const { jobs, oldestWaitingMs } = await api.get(JobQueues).load('execution_start');
    expect(jobs).toEqual({ waiting: 1, delayed: 0, active: 0 });
    expect(oldestWaitingMs).toBeLessThan(60_000);
    expect(await api.get(JobQueues).health()).toMatchObject({ ok: true });
    await queue.breakDown();
    expect(await api.get(JobQueues).health()).toMatchObject({ ok: false });
    await queue.repair();
    expect(await api.get(JobQueues).health()).toMatchObject({ ok: true });
  } finally {
    await api.close();
    await queue.close();
    await database.drop();
  }
});
