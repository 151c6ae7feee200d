import { eventually } from '../support/eventually.js';
import { WebhookReceiver } from '../support/webhook-receiver.js';
import type { FaultScenario } from './describe-faults.js';
import { expectNoAnswer } from './expectations.js';
import type { Scene } from './scene.js';

/** The receiver of the suite's alerts; the suite starts and closes it. */
export const receiver: { at?: WebhookReceiver } = {};

interface Delivery extends Record<string, unknown> {
  id: string;
  status: string;
  attempts: number;
}

/** The deliveries of the scenario's switch being turned on. */
async function deliveries(scene: Scene): Promise<Delivery[]> {
  return scene.query<Delivery>(
    `SELECT d.id, d.status, d.attempts FROM alert_deliveries d JOIN ops_events e ON e.id = d.event_id
     WHERE e.event = 'kill_switch_on' AND e.details ->> 'scope' = $1`,
    [`strategy:${scene.strategy}`],
  );
}

/** How often the delivery was posted. */
function postsOf({ id }: Delivery): number {
  return receiver.at?.posts.filter(({ headers }) => headers['x-interlock-delivery'] === id).length ?? 0;
}

/** The one delivery, once it has ended. What a dead worker had under way is given up after its time: 15 s at most. */
function delivered(scene: Scene): Promise<Delivery> {
  return eventually(
    'the alert is delivered',
    async () => {
      const [delivery] = await deliveries(scene);
      return delivery?.status === 'DELIVERED' ? delivery : undefined;
    },
    40_000,
  );
}

/** An alert loses its process between any two of its steps. */
export const ALERT_FAULTS: readonly FaultScenario[] = [
  {
    proves: 'E1 an alert that was never enqueued is found and told',
    points: ['alert-before-enqueue'],
    async play(scene) {
      await scene.restart(scene.cluster.worker(0));
      await scene.arm(scene.cluster.api(0), 'alert-before-enqueue=kill');
      await expectNoAnswer(scene.toggle(true, { api: 0 }));
      expect(postsOf(await delivered(scene))).toBe(1);
    },
  },
  {
    proves: 'E1 an alert whose worker died before it posted is told after all',
    points: ['alert-before-send'],
    async play(scene) {
      const worker = scene.cluster.worker(0);
      await scene.arm(worker, 'alert-before-send=kill');
      expect((await scene.toggle()).status).toBe(200);
      await scene.struck('alert-before-send');
      await scene.restart(worker);
      const delivery = await delivered(scene);
      expect([postsOf(delivery), delivery.attempts]).toEqual([1, 2]);
    },
  },
  {
    proves: 'E1 an alert whose worker died after it posted is told again, as the same delivery',
    points: ['alert-after-send'],
    async play(scene) {
      const worker = scene.cluster.worker(0);
      await scene.arm(worker, 'alert-after-send=kill');
      expect((await scene.toggle()).status).toBe(200);
      await scene.struck('alert-after-send');
      await scene.restart(worker);
      const delivery = await delivered(scene);
      expect([postsOf(delivery), delivery.attempts]).toEqual([2, 2]);
    },
  },
];
