import type { FaultPoint } from '@interlock/observability';
import { eventually } from '../support/eventually.js';
import type { FaultScenario } from './describe-faults.js';
import { expectEndsOnce, expectNeverExecuted } from './expectations.js';
import { ENDLESS_WORK, type RunRow, type Scene } from './scene.js';

/** As the clusters of these suites have it. */
const LEASE_MS = 2_000;
/** A run whose worker is lost runs again within its lease and this. */
const TAKEOVER_MS = 2_000;

/** A worker dies at a point of a run; what the run must have come through when it is over. */
function killedAt(point: FaultPoint, come: { attempt: number; losses: number }, proves: string): FaultScenario {
  return {
    proves,
    points: [point],
    async play(scene) {
      const worker = scene.cluster.worker(0);
      await scene.arm(worker, `${point}=kill`);
      const runId = await scene.accepted();
      await scene.struck(point);
      await scene.restart(worker);
      if ((await scene.run(runId)).status === 'QUEUED') await scene.letNudgeAge(runId);
      const run = await expectEndsOnce(scene, runId, 'COMPLETED');
      expect(run).toMatchObject({ attempt: come.attempt, worker_losses: come.losses, failures: 0 });
    },
  };
}

/** A worker freezes while it renews a lease, another takes over in time, and the first changes nothing when it wakes up. */
function frozenAt(point: FaultPoint): FaultScenario {
  return {
    proves: 'R4 a frozen worker is taken over within the lease and 2 s, and changes nothing when it wakes up',
    points: [point],
    async play(scene) {
      const [frozen, other] = [scene.cluster.worker(0), scene.cluster.worker(1)];
      await scene.arm(frozen, `${point}=freeze@3`);
      const runId = await scene.accepted(ENDLESS_WORK);
      await scene.reaches(runId, 'RUNNING');
      const starting = scene.restart(other);
      await scene.struck(point);
      const struckAt = performance.now();
      await starting;
      const upAt = performance.now();
      await eventually('it is taken over', async () => (await scene.run(runId)).attempt === 2);
      // Counted from its last sign of life; the other must be there to take it over.
      expect(performance.now() - Math.max(struckAt + LEASE_MS, upAt)).toBeLessThan(TAKEOVER_MS);

      const held = await scene.run(runId);
      frozen.thaw();
      await scene.givesUp(frozen);
      expect(await scene.run(runId)).toMatchObject({ epoch: held.epoch, lease_owner: held.lease_owner });
      await scene.cancel(runId);
      expect(await expectEndsOnce(scene, runId, 'CANCELED')).toMatchObject({ attempt: 2, epoch: 2, worker_losses: 1 });
    },
  };
}

/** A worker freezes with work in its hands that is done; when it wakes up, another has the run. */
function wakesUpAt(point: FaultPoint): FaultScenario {
  return {
    proves: 'R4 what a woken worker has done is refused, by the epoch alone, while another has the run',
    points: [point],
    async play(scene) {
      const [woken, other] = [scene.cluster.worker(0), scene.cluster.worker(1)];
      await scene.arm(woken, `${point}=freeze`);
      const runId = await scene.accepted();
      await scene.struck(point);
      await scene.arm(other, 'claim-after-commit=freeze'); // so that the run stays RUNNING under its hold
      await scene.struck('claim-after-commit');
      const look = async () => {
        const { status, epoch, lease_owner } = await scene.run(runId);
        const stages = await scene.query('SELECT name, status, finished_at FROM run_stages WHERE run_id = $1', [runId]);
        return { status, epoch, lease_owner, stages };
      };
      const held = await look();
      expect(held).toMatchObject({ status: 'RUNNING', epoch: 2 });
      woken.thaw();
      await scene.givesUp(woken);
      expect(await look()).toEqual(held);
      other.thaw();
      await expectEndsOnce(scene, runId, 'COMPLETED');
    },
  };
}

/** Asks a worker that has a long run under way to end, and has it struck at the point while it does. */
async function diesHandingBack(scene: Scene, point: FaultPoint): Promise<RunRow> {
  const worker = scene.cluster.worker(0);
  await scene.arm(worker, `${point}=kill`);
  const runId = await scene.accepted(ENDLESS_WORK);
  await scene.reaches(runId, 'RUNNING');
  await worker.terminate();
  const left = await scene.run(runId);
  await scene.restart(worker);
  return left;
}

/** A run loses its worker between any two of its steps. */
export const RUN_FAULTS: readonly FaultScenario[] = [
  killedAt('claim-in-transaction', { attempt: 1, losses: 0 }, 'R1 a claim that is not committed is none'),
  killedAt(
    'claim-after-commit',
    { attempt: 2, losses: 1 },
    'R1, R4 a run that was claimed and not begun is taken over',
  ),
  killedAt('stage-before-result', { attempt: 2, losses: 1 }, 'R1, R6 work without a stored result is done again'),
  {
    proves: 'R6 a stage whose result is stored is not carried out again',
    points: ['stage-after-result'],
    async play(scene) {
      const worker = scene.cluster.worker(0);
      await scene.arm(worker, 'stage-after-result=kill');
      const runId = await scene.accepted();
      await scene.struck('stage-after-result');
      await scene.restart(worker);
      await expectEndsOnce(scene, runId, 'COMPLETED');
      expect(await scene.testimonies(runId)).toEqual([
        'stage-1 begin 1',
        'stage-1 end 1',
        'stage-2 begin 2',
        'stage-2 end 2',
      ]);
    },
  },
  killedAt('run-before-end', { attempt: 2, losses: 1 }, 'R1, R6 work that is done and not concluded is concluded'),
  killedAt('run-after-end', { attempt: 1, losses: 0 }, 'R1 a run that has ended does not begin anew with its job'),
  {
    proves: 'K2 a worker that freezes in its claim neither holds the button nor executes after it',
    points: ['claim-in-transaction'],
    async play(scene) {
      const frozen = scene.cluster.worker(0);
      await scene.arm(frozen, 'claim-in-transaction=freeze');
      const runId = await scene.accepted();
      await scene.struck('claim-in-transaction');
      const stop = await scene.toggle();
      expect(stop.status).toBe(200);
      expect(stop.tookMs).toBeLessThan(3_000);
      frozen.thaw();
      await scene.letNudgeAge(runId);
      await expectEndsOnce(scene, runId, 'BLOCKED');
      await expectNeverExecuted(scene, runId);
    },
  },
  {
    proves: 'R1, R6 a retry whose job was lost comes all the same, and counts as one',
    points: ['stage-before-result', 'retry-after-commit'],
    async play(scene) {
      const worker = scene.cluster.worker(0);
      await scene.arm(worker, 'stage-before-result=fail,retry-after-commit=kill');
      const runId = await scene.accepted();
      await scene.struck('retry-after-commit');
      expect(await scene.run(runId)).toMatchObject({ status: 'RETRYING', failures: 1 });
      await scene.restart(worker);
      const run = await expectEndsOnce(scene, runId, 'COMPLETED');
      expect(run).toMatchObject({ attempt: 2, failures: 1, worker_losses: 0 });
    },
  },
  {
    proves: 'R1 a worker that dies before it hands back is one that was lost',
    points: ['hand-back-before-commit'],
    async play(scene) {
      const left = await diesHandingBack(scene, 'hand-back-before-commit');
      expect(left).toMatchObject({ status: 'RUNNING', attempt: 1 });
      await eventually('it is taken over', async () => (await scene.run(left.id)).attempt === 2);
      await scene.cancel(left.id);
      expect(await expectEndsOnce(scene, left.id, 'CANCELED')).toMatchObject({ attempt: 2, worker_losses: 1 });
    },
  },
  {
    proves: 'R1 a run that was handed back without a job is found, and no attempt is used up',
    points: ['hand-back-after-commit'],
    async play(scene) {
      const left = await diesHandingBack(scene, 'hand-back-after-commit');
      expect(left).toMatchObject({ status: 'QUEUED', attempt: 0 });
      await scene.letNudgeAge(left.id);
      await scene.reaches(left.id, 'RUNNING');
      await scene.cancel(left.id);
      expect(await expectEndsOnce(scene, left.id, 'CANCELED')).toMatchObject({ attempt: 1, worker_losses: 0 });
    },
  },
];

/** A lease is not renewed, and a sweeper does not finish. */
export const LEASE_FAULTS: readonly FaultScenario[] = [
  frozenAt('lease-before-renewal'),
  frozenAt('lease-after-renewal'),
  wakesUpAt('stage-before-result'),
  wakesUpAt('run-before-end'),
  {
    proves: 'R4 a renewal that fails costs nothing as long as the next one does not',
    points: ['lease-before-renewal', 'lease-after-renewal'],
    async play(scene) {
      await scene.arm(scene.cluster.worker(0), 'lease-before-renewal=fail@2,lease-after-renewal=fail@3');
      const runId = await scene.accepted(ENDLESS_WORK);
      await scene.struck('lease-after-renewal');
      await eventually('it was renewed since', async () => {
        return Number((await scene.run(runId)).lease_left_ms) > LEASE_MS * 0.6;
      });
      await scene.cancel(runId);
      expect(await expectEndsOnce(scene, runId, 'CANCELED')).toMatchObject({ attempt: 1, worker_losses: 0 });
    },
  },
  {
    proves: 'R5 what a sweeper has noted and not enqueued is swept again',
    points: ['start-after-commit', 'sweep-after-commit'],
    async play(scene) {
      await scene.arm(scene.cluster.api(0), 'start-after-commit=kill');
      await scene.start({}, { api: 0 }).catch(() => undefined);
      const runId = await scene.onlyRun();
      const worker = scene.cluster.worker(0);
      await scene.arm(worker, 'sweep-after-commit=kill');
      await scene.letNudgeAge(runId);
      await scene.struck('sweep-after-commit');
      expect(await scene.cluster.hasJob(runId)).toBe(false);
      await scene.restart(worker);
      await scene.letNudgeAge(runId);
      await expectEndsOnce(scene, runId, 'COMPLETED');
    },
  },
];
