import { eventually } from '../support/eventually.js';
import type { FaultScenario } from './describe-faults.js';
import { expectEndsOnce, expectNeverExecuted, expectNoAnswer, expectUnchanged } from './expectations.js';
import { ENDLESS_WORK, type Scene } from './scene.js';

/** A run that goes on until somebody ends it, under way at worker 0. */
async function underWay(scene: Scene): Promise<string> {
  const runId = await scene.accepted(ENDLESS_WORK);
  await scene.reaches(runId, 'RUNNING');
  return runId;
}

async function isOn(scene: Scene): Promise<boolean> {
  const { status, body } = await scene.start();
  if (status === 409) expect(body).toMatchObject({ code: 'KILL_SWITCH_ON' });
  else expect(status).toBe(202);
  return status === 409;
}

/** Somebody ends runs, by a cancel, by the switch, or by what the automatic switch has counted. */
export const STOP_FAULTS: readonly FaultScenario[] = [
  {
    proves: 'R1 a cancel whose answer was lost has happened: running work ends',
    points: ['cancel-after-commit'],
    async play(scene) {
      await scene.restart(scene.cluster.worker(0));
      await scene.arm(scene.cluster.api(0), 'cancel-after-commit=kill');
      const runId = await underWay(scene);
      await expectNoAnswer(scene.cancel(runId, 0));
      expect(await expectEndsOnce(scene, runId, 'CANCELED')).toMatchObject({ attempt: 1 });
    },
  },
  {
    proves: 'R1, R2 a cancel whose answer was lost has happened: waiting runs never execute',
    points: ['cancel-after-commit'],
    async play(scene) {
      await scene.arm(scene.cluster.api(0), 'cancel-after-commit=kill');
      const runId = await scene.accepted();
      await expectNoAnswer(scene.cancel(runId, 0));
      const ended = await expectEndsOnce(scene, runId, 'CANCELED');
      await scene.restart(scene.cluster.worker(0));
      await scene.accepted().then((later) => expectEndsOnce(scene, later, 'COMPLETED')); // its job lay before this one
      expect(await scene.run(runId)).toEqual(ended);
      await expectNeverExecuted(scene, runId);
    },
  },
  {
    proves: 'R1 a worker that dies on hearing of a cancel leaves a run that ends canceled, not one that goes on',
    points: ['cancel-heard'],
    async play(scene) {
      const worker = scene.cluster.worker(0);
      await scene.arm(worker, 'cancel-heard=kill');
      const runId = await underWay(scene);
      expect((await scene.cancel(runId)).status).toBe(200);
      await scene.struck('cancel-heard');
      await scene.restart(worker);
      expect(await expectEndsOnce(scene, runId, 'CANCELED')).toMatchObject({ attempt: 1, worker_losses: 1 });
    },
  },
  {
    proves: 'a cancel that is heard in vain is told by the next renewal of the lease',
    points: ['cancel-heard'],
    async play(scene) {
      await scene.arm(scene.cluster.worker(0), 'cancel-heard=fail');
      const runId = await underWay(scene);
      expect((await scene.cancel(runId)).status).toBe(200);
      expect(await expectEndsOnce(scene, runId, 'CANCELED')).toMatchObject({ attempt: 1, worker_losses: 0 });
    },
  },
  {
    proves: 'K3 a worker that dies before it aborts leaves a run that ends canceled, not one that goes on',
    points: ['halt-before-abort'],
    async play(scene) {
      const worker = scene.cluster.worker(0);
      await scene.arm(worker, 'halt-before-abort=kill');
      const runId = await underWay(scene);
      expect((await scene.toggle()).status).toBe(200);
      await scene.struck('halt-before-abort');
      await scene.restart(worker);
      expect(await expectEndsOnce(scene, runId, 'CANCELED')).toMatchObject({ attempt: 1, worker_losses: 1 });
    },
  },
  {
    proves: 'K3, R4 a worker that freezes before it aborts delays no stop, and its run is ended for it',
    points: ['halt-before-abort'],
    async play(scene) {
      const [frozen, other] = [scene.cluster.worker(0), scene.cluster.worker(1)];
      await scene.arm(frozen, 'halt-before-abort=freeze');
      const runId = await underWay(scene);
      const stop = await scene.toggle();
      expect(stop).toMatchObject({ status: 200, body: { effect: { runsAborted: 1 } } });
      expect(stop.tookMs).toBeLessThan(3_000);
      await scene.struck('halt-before-abort');
      await scene.restart(other);
      const ended = await expectEndsOnce(scene, runId, 'CANCELED');
      frozen.thaw();
      await scene.givesUp(frozen);
      await expectUnchanged(scene, ended);
    },
  },
  {
    proves: 'K1 a toggle that was not committed has not happened, and can be made again',
    points: ['toggle-in-transaction'],
    async play(scene) {
      await scene.arm(scene.cluster.api(0), 'toggle-in-transaction=kill');
      await expectNoAnswer(scene.toggle(true, { api: 0 }));
      expect(await isOn(scene)).toBe(false);
      expect((await scene.toggle()).status).toBe(200);
      expect(await isOn(scene)).toBe(true);
    },
  },
  {
    proves:
      'K2 an api that freezes with the lock in its hands does not hold the button, and changes nothing when it wakes up',
    points: ['toggle-in-transaction'],
    async play(scene) {
      const frozen = scene.cluster.api(0);
      expect((await scene.toggle()).status).toBe(200);
      await scene.arm(frozen, 'toggle-in-transaction=freeze');
      const releasing = scene.toggle(false, { api: 0 });
      await scene.struck('toggle-in-transaction');
      const stop = await scene.toggle();
      expect(stop).toMatchObject({
        status: 409,
        body: { code: 'KILL_SWITCH_UNCHANGED', killSwitch: { enabled: true } },
      });
      expect(stop.tookMs).toBeLessThan(3_000);
      frozen.thaw();
      expect((await releasing).status).toBe(503);
      expect(await isOn(scene)).toBe(true);
    },
  },
  {
    proves: 'K1, K2 a toggle whose answer was lost has happened',
    points: ['toggle-after-commit'],
    async play(scene) {
      await scene.arm(scene.cluster.api(0), 'toggle-after-commit=kill');
      await expectNoAnswer(scene.toggle(true, { api: 0 }));
      expect(await isOn(scene)).toBe(true);
      await scene.restart(scene.cluster.api(0));
      expect((await scene.toggle(true, { api: 0 })).body).toMatchObject({ code: 'KILL_SWITCH_UNCHANGED' });
    },
  },
  {
    proves: 'a trip whose worker died is carried out by the next, once',
    points: ['stage-before-result', 'trip-before-toggle'],
    async play(scene) {
      const worker = scene.cluster.worker(0);
      await scene.arm(worker, 'stage-before-result=fail,trip-before-toggle=kill', {
        AUTO_KILL_SWITCH_ENABLED: 'true',
        AUTO_KILL_SWITCH_CONSECUTIVE_FAILURES: '1',
        JOB_ATTEMPTS: '1',
      });
      const runId = await scene.accepted();
      await scene.struck('trip-before-toggle');
      const global = () => scene.query(`SELECT version FROM kill_switches WHERE scope = 'global' AND enabled`);
      expect(await global()).toEqual([]);
      await scene.restart(worker, { AUTO_KILL_SWITCH_ENABLED: 'true' });
      await eventually('the global switch is on', async () => (await global()).length === 1);
      expect(await isOn(scene)).toBe(true);
      await expectEndsOnce(scene, runId, 'FAILED');
      const told = await scene.query(`SELECT event FROM ops_events WHERE event = 'auto_kill_switch_triggered'`);
      expect(told).toHaveLength(1);
      expect((await scene.toggle(false, { scope: 'global' })).status).toBe(200);
      expect(await isOn(scene)).toBe(false);
    },
  },
];
