import type { RunStatus } from '../../libs/execution/src/run.js';
import { type ClusterAnswer, NoAnswer } from '../support/cluster-client.js';
import type { RunRow, Scene } from './scene.js';

/** Events that tell of a run's end; a run has one of them, and one only. */
const END_EVENTS: Partial<Record<RunStatus, string>> = {
  COMPLETED: 'run_completed',
  CANCELED: 'run_canceled',
  FAILED: 'retry_exhausted',
};

/** R1, R3: the run ends, once: and one event tells it. */
export async function expectEndsOnce(scene: Scene, runId: string, status: RunStatus): Promise<RunRow> {
  const run = await scene.reaches(runId, status);
  const told = await scene.query<{ event: string }>(
    'SELECT event FROM ops_events WHERE run_id = $1 AND event = ANY($2::text[])',
    [runId, Object.values(END_EVENTS)],
  );
  expect(told.map(({ event }) => event)).toEqual(END_EVENTS[status] === undefined ? [] : [END_EVENTS[status]]);
  return run;
}

/** R2: nobody has begun the run, by its own row as by what its work would have left behind. */
export async function expectNeverExecuted(scene: Scene, runId: string): Promise<void> {
  const begun = await scene.query('SELECT started_at FROM runs WHERE id = $1 AND started_at IS NOT NULL', [runId]);
  expect([...begun, ...(await scene.testimonies(runId))]).toEqual([]);
}

/** The run is as it was when `before` was read: nobody has changed it since. */
export async function expectUnchanged(scene: Scene, before: RunRow): Promise<void> {
  expect(await scene.run(before.id)).toEqual(before);
}

/** The client's side of a request whose process died: it was not answered. */
export async function expectNoAnswer(request: Promise<ClusterAnswer>): Promise<void> {
  await expect(request).rejects.toBeInstanceOf(NoAnswer);
}
