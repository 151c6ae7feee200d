import type { RunStatus } from '../../libs/execution/src/run.js';
import { type ClusterAnswer, NoAnswer } from '../support/cluster-client.js';
import type { RunRow, Scene } from './scene.js';

/** Events that tell of a run's end; a run has one of them, and one only. */
const END_EVENTS: Partial<Record<RunStatus, string>> = {
  COMPLETED: 'run_completed',
  CANCELED: 'run_canceled',
  FAILED: 'retry_exhausted',
};

/** R1, R3: the run ends, once: one event tells it, and it has one report if it completed. */
export async function expectEndsOnce(scene: Scene, runId: string, status: RunStatus): Promise<RunRow> {
  const run = await scene.reaches(runId, status);
  const told = await scene.query<{ event: string }>(
    'SELECT event FROM ops_events WHERE run_id = $1 AND event = ANY($2::text[])',
    [runId, Object.values(END_EVENTS)],
  );
  expect(told.map(({ event }) => event)).toEqual(END_EVENTS[status] === undefined ? [] : [END_EVENTS[status]]);
  const reports = await scene.query('SELECT run_id FROM run_reports WHERE run_id = $1', [runId]);
  expect(reports).toHaveLength(status === 'COMPLETED' ? 1 : 0);
  return run;
}

/** R2: no stage of the run was ever begun. */
export async function expectNeverExecuted(scene: Scene, runId: string): Promise<void> {
  const begun = await scene.query('SELECT started_at FROM runs WHERE id = $1 AND started_at IS NOT NULL', [runId]);
  const stages = await scene.query('SELECT name FROM run_stages WHERE run_id = $1', [runId]);
  expect([...begun, ...stages]).toEqual([]);
}

/** The run is as it was when `before` was read: nobody has changed it since. */
export async function expectUnchanged(scene: Scene, before: RunRow): Promise<void> {
  expect(await scene.run(before.id)).toEqual(before);
}

/** The client's side of a request whose process died: it was not answered. */
export async function expectNoAnswer(request: Promise<ClusterAnswer>): Promise<void> {
  await expect(request).rejects.toBeInstanceOf(NoAnswer);
}
