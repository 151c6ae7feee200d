import { eventually } from '../support/eventually.js';
import type { FaultScenario } from './describe-faults.js';
import type { Scene } from './scene.js';

interface OrderRow extends Record<string, unknown> {
  id: string;
  status: string;
  reason: string | null;
  filled: string;
}

/** Sees to it that the paper venue has a market with something to buy, and that a worker looks after it. */
async function marketOf(scene: Scene): Promise<string> {
  const market = scene.strategy;
  await scene.cluster.put('/api/paper/behaviour', { latencyMs: 0 }, { api: 1 });
  await scene.cluster.put(
    `/api/paper/markets/${market}`,
    {
      outcomes: ['YES', 'NO'],
      rules: 'free',
      tick: '0.01',
      minQuantity: '1',
      status: 'OPEN',
      books: { YES: { bids: [['0.4', '100']], asks: [['0.5', '100']] } },
    },
    { api: 1 },
  );
  return market;
}

/** An order that is admitted as soon as the venue is looked after. */
async function admitted(scene: Scene, market: string, price: string): Promise<string> {
  return eventually('an order is admitted', async () => {
    const wish = { strategy: scene.strategy, market, outcome: 'YES', side: 'BUY', price, quantity: '10' };
    const { status, body } = await scene.cluster.post('/api/orders', wish, { api: 1 });
    if (status === 503) return undefined;
    expect(status).toBe(201);
    return (body['order'] as { orderId: string }).orderId;
  });
}

function becomes(scene: Scene, orderId: string, status: string): Promise<OrderRow> {
  return eventually(`the order is ${status}`, async () => {
    const [order] = await scene.query<OrderRow>(
      'SELECT id, status, reason, trim_scale(filled_quantity)::text AS filled FROM orders WHERE id = $1',
      [orderId],
    );
    return order?.status === status ? order : undefined;
  });
}

/** O5: what the venue has of the order and of its fills is what the ledger has. */
async function expectBooksAgree(scene: Scene, orderId: string, sentTimes: 0 | 1): Promise<void> {
  const atVenue = await scene.query('SELECT id FROM paper_orders WHERE client_key = $1', [orderId]);
  expect(atVenue).toHaveLength(sentTimes);
  const [sums] = await scene.query(
    `SELECT (SELECT coalesce(sum(quantity), 0) FROM fills WHERE order_id = $1)
          = (SELECT coalesce(sum(f.quantity), 0) FROM paper_fills AS f JOIN paper_orders AS o ON o.id = f.order_id
             WHERE o.client_key = $1::text) AS fills,
            (SELECT cash FROM accounts WHERE venue = 'paper') = (SELECT cash FROM paper_accounts) AS cash`,
    [orderId],
  );
  expect(sums).toEqual({ fills: true, cash: true });
}

/** A worker dies between any two steps of an order's way. */
export const ORDER_FAULTS: readonly FaultScenario[] = [
  {
    proves: 'O1, O2 an order whose sender died before the first byte is found out about, and never sent',
    points: ['order-after-claim'],
    async play(scene) {
      const market = await marketOf(scene);
      await scene.arm(scene.cluster.worker(0), 'order-after-claim=kill');
      const orderId = await admitted(scene, market, '0.3');
      await scene.struck('order-after-claim');
      await scene.restart(scene.cluster.worker(1));
      expect(await becomes(scene, orderId, 'REJECTED')).toMatchObject({ reason: 'NEVER_ARRIVED' });
      await expectBooksAgree(scene, orderId, 0);
    },
  },
  {
    proves: 'K2, R4 a sender that froze before the first byte sends nothing when it wakes up',
    points: ['order-after-claim'],
    async play(scene) {
      const market = await marketOf(scene);
      const frozen = scene.cluster.worker(0);
      await scene.arm(frozen, 'order-after-claim=freeze');
      const orderId = await admitted(scene, market, '0.3');
      await scene.struck('order-after-claim');
      await scene.restart(scene.cluster.worker(1));
      await becomes(scene, orderId, 'REJECTED');
      frozen.thaw();
      await frozen.waitReady();
      await expectBooksAgree(scene, orderId, 0);
    },
  },
  {
    proves: 'O2, O4 an order whose answer was never stored is found at the venue, and its fills are booked once',
    points: ['order-after-answer'],
    async play(scene) {
      const market = await marketOf(scene);
      await scene.arm(scene.cluster.worker(0), 'order-after-answer=kill');
      const orderId = await admitted(scene, market, '0.5');
      await scene.struck('order-after-answer');
      await scene.restart(scene.cluster.worker(1));
      expect(await becomes(scene, orderId, 'FILLED')).toMatchObject({ filled: '10' });
      await expectBooksAgree(scene, orderId, 1);
    },
  },
  {
    proves: 'O2 an order that was found out about by a worker that then died is found out about again',
    points: ['order-after-answer', 'order-before-resolved'],
    async play(scene) {
      const market = await marketOf(scene);
      const [first, second] = [scene.cluster.worker(0), scene.cluster.worker(1)];
      await scene.arm(first, 'order-after-answer=kill');
      const orderId = await admitted(scene, market, '0.3');
      await scene.struck('order-after-answer');
      await scene.arm(second, 'order-before-resolved=kill');
      await scene.struck('order-before-resolved');
      await scene.restart(first);
      await becomes(scene, orderId, 'OPEN');
      await expectBooksAgree(scene, orderId, 1);
    },
  },
  {
    proves: 'O4 fills whose booking was lost with its worker are booked once',
    points: ['fills-in-transaction'],
    async play(scene) {
      const market = await marketOf(scene);
      await scene.restart(scene.cluster.worker(0));
      const waiting = await admitted(scene, market, '0.45');
      await becomes(scene, waiting, 'OPEN');
      await scene.cluster.worker(0).kill();
      await scene.cluster.post(
        `/api/paper/markets/${market}/trades`,
        {
          outcome: 'YES',
          side: 'SELL',
          price: '0.45',
          quantity: '10',
        },
        { api: 1 },
      );
      await scene.arm(scene.cluster.worker(1), 'fills-in-transaction=kill');
      await scene.struck('fills-in-transaction');
      await scene.restart(scene.cluster.worker(0));
      expect(await becomes(scene, waiting, 'FILLED')).toMatchObject({ filled: '10' });
      await expectBooksAgree(scene, waiting, 1);
    },
  },
];
