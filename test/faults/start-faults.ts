import type { FaultScenario } from './describe-faults.js';
import { expectEndsOnce, expectNeverExecuted, expectNoAnswer, expectUnchanged } from './expectations.js';

/** A start meets its end between any two of its steps. */
export const START_FAULTS: readonly FaultScenario[] = [
  {
    proves: 'R2 an api that dies in the transaction has started nothing',
    points: ['start-in-transaction'],
    async play(scene) {
      await scene.arm(scene.cluster.api(0), 'start-in-transaction=kill');
      await expectNoAnswer(scene.start({ idempotencyKey: scene.strategy }, { api: 0 }));
      expect(await scene.runs()).toEqual([]);
      const runId = await scene.accepted({ idempotencyKey: scene.strategy });
      await expectEndsOnce(scene, runId, 'COMPLETED');
    },
  },
  {
    proves: 'K2 a frozen api neither holds the button nor gets its start accepted after it',
    points: ['start-in-transaction'],
    async play(scene) {
      const frozen = scene.cluster.api(0);
      await scene.arm(frozen, 'start-in-transaction=freeze');
      const starting = scene.start({}, { api: 0 });
      await scene.struck('start-in-transaction');
      const stop = await scene.toggle();
      expect(stop.status).toBe(200);
      expect(stop.tookMs).toBeLessThan(3_000);
      frozen.thaw();
      expect((await starting).status).toBeGreaterThanOrEqual(409);
      expect(await scene.runs()).toEqual([]);
    },
  },
  {
    proves: 'R1, R3 a run that never reached the queue is found, ends once, and is what its key tells',
    points: ['start-after-commit'],
    async play(scene) {
      await scene.arm(scene.cluster.api(0), 'start-after-commit=kill');
      await expectNoAnswer(scene.start({ idempotencyKey: scene.strategy }, { api: 0 }));
      await scene.restart(scene.cluster.api(0));
      const runId = await scene.onlyRun();
      const repeated = await scene.start({ idempotencyKey: scene.strategy }, { api: 0 });
      expect(repeated).toMatchObject({ status: 200, body: { runId, replayed: true } });
      await expectEndsOnce(scene, runId, 'COMPLETED');
    },
  },
  {
    proves: 'R1 an api that enqueues long after the sweeper did begins nothing anew',
    points: ['start-after-commit'],
    async play(scene) {
      const frozen = scene.cluster.api(0);
      await scene.arm(frozen, 'start-after-commit=freeze');
      const starting = scene.start({}, { api: 0 });
      await scene.struck('start-after-commit');
      const runId = await scene.onlyRun();
      await scene.letNudgeAge(runId);
      const ended = await expectEndsOnce(scene, runId, 'COMPLETED');
      frozen.thaw();
      expect(await starting).toMatchObject({ status: 202, body: { runId } });
      await scene.accepted().then((later) => expectEndsOnce(scene, later, 'COMPLETED')); // the late job lay before this one
      await expectUnchanged(scene, ended);
    },
  },
  {
    proves: 'R1, R3 a run whose answer was lost ends once, and its key tells of it',
    points: ['start-after-enqueue'],
    async play(scene) {
      await scene.arm(scene.cluster.api(0), 'start-after-enqueue=kill');
      await expectNoAnswer(scene.start({ idempotencyKey: scene.strategy }, { api: 0 }));
      const runId = await scene.onlyRun();
      const ended = await expectEndsOnce(scene, runId, 'COMPLETED');
      const repeated = await scene.start({ idempotencyKey: scene.strategy });
      expect(repeated).toMatchObject({ status: 200, body: { runId, replayed: true } });
      await expectUnchanged(scene, ended);
    },
  },
  {
    proves: 'R2, R3 a start that the queue refuses never executes, and leaves its key free',
    points: ['enqueue-before-add'],
    async play(scene) {
      await scene.arm(scene.cluster.api(0), 'enqueue-before-add=fail');
      const refused = await scene.start({ idempotencyKey: scene.strategy }, { api: 0 });
      expect(refused).toMatchObject({ status: 503, body: { code: 'ENQUEUE_FAILED' } });
      const again = await scene.accepted({ idempotencyKey: scene.strategy });
      await expectEndsOnce(scene, again, 'COMPLETED');
      await expectEndsOnce(scene, String(refused.body['runId']), 'ENQUEUE_FAILED');
      await expectNeverExecuted(scene, String(refused.body['runId']));
    },
  },
  {
    proves: 'R2 a start that was refused never executes, though its job is in the queue',
    points: ['enqueue-after-add'],
    async play(scene) {
      await scene.cluster.worker(0).kill();
      await scene.arm(scene.cluster.api(0), 'enqueue-after-add=fail');
      const refused = await scene.start({}, { api: 0 });
      expect(refused).toMatchObject({ status: 503, body: { code: 'ENQUEUE_FAILED' } });
      const runId = String(refused.body['runId']);
      expect(await scene.cluster.hasJob(runId)).toBe(true);

      await scene.restart(scene.cluster.worker(0));
      await scene.accepted().then((later) => expectEndsOnce(scene, later, 'COMPLETED'));
      expect(await scene.cluster.hasJob(runId)).toBe(false);
      await expectEndsOnce(scene, runId, 'ENQUEUE_FAILED');
      await expectNeverExecuted(scene, runId);
    },
  },
  {
    proves: 'R1 a run that could not be marked before its api died ends once',
    points: ['enqueue-before-mark'],
    async play(scene) {
      await scene.arm(scene.cluster.api(0), 'enqueue-before-add=fail,enqueue-before-mark=kill');
      await expectNoAnswer(scene.start({}, { api: 0 }));
      const runId = await scene.onlyRun();
      await scene.letNudgeAge(runId);
      await expectEndsOnce(scene, runId, 'COMPLETED');
    },
  },
  {
    proves: 'R2, R3 what cannot be known is answered so, and its key tells',
    points: ['enqueue-before-mark'],
    async play(scene) {
      await scene.arm(scene.cluster.api(0), 'enqueue-before-add=fail,enqueue-before-mark=fail');
      const open = await scene.start({ idempotencyKey: scene.strategy }, { api: 0 });
      expect(open).toMatchObject({ status: 503, body: { code: 'OUTCOME_UNKNOWN', runId: expect.any(String) } });
      const runId = await scene.onlyRun();
      expect(open.body['runId']).toBe(runId);
      const repeated = await scene.start({ idempotencyKey: scene.strategy });
      expect(repeated).toMatchObject({ status: 200, body: { runId, replayed: true } });
      await scene.letNudgeAge(runId);
      await expectEndsOnce(scene, runId, 'COMPLETED');
    },
  },
];
