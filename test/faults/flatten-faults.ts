import { CheckLedger } from '@interlock/orders';
import type { FaultPoint } from '@interlock/observability';
import { QueryBus } from '@nestjs/cqrs';
import { eventually } from '../support/eventually.js';
import { startTrading } from '../support/trading-module.js';
import type { FaultScenario } from './describe-faults.js';
import { expectNoAnswer } from './expectations.js';
import type { Scene } from './scene.js';

/** A dead worker's plan is carried on after its lease of 8 s; then the venue's desk has to be taken over as well. */
const PLAN_MS = 45_000;

interface Plan {
  readonly planId: string;
  readonly status: string;
  readonly failure: string | null;
  readonly ordersCanceled: number;
  readonly positionsLeft: number;
}

interface Sale extends Record<string, unknown> {
  readonly outcome: string;
  readonly status: string;
  readonly filled: string;
}

/** What the best bids take at once is less than what is held: each outcome is sold in two pieces. */
const BOOKS = {
  YES: {
    bids: [
      ['0.4', '30'],
      ['0.39', '100'],
    ],
    asks: [['0.5', '100']],
  },
  NO: {
    bids: [
      ['0.45', '25'],
      ['0.44', '100'],
    ],
    asks: [['0.5', '100']],
  },
};
const HELD = { YES: '50', NO: '40' } as const;

/** 50 YES and 40 NO are held, and an order waits that would buy more; the worker that brought it about has gone. */
async function holding(scene: Scene): Promise<void> {
  const worker = scene.cluster.worker(1);
  await scene.restart(worker);
  await scene.cluster.put('/api/paper/behaviour', { latencyMs: 0 }, { api: 1 });
  const listing = {
    outcomes: ['YES', 'NO'],
    rules: 'free',
    tick: '0.01',
    minQuantity: '5',
    status: 'OPEN',
    books: BOOKS,
  };
  await scene.cluster.put(`/api/paper/markets/${scene.strategy}`, listing, { api: 1 });
  await bought(scene, { outcome: 'YES', price: '0.5', quantity: HELD.YES }, 'FILLED');
  await bought(scene, { outcome: 'NO', price: '0.5', quantity: HELD.NO }, 'FILLED');
  await bought(scene, { outcome: 'YES', price: '0.3', quantity: '10' }, 'OPEN');
  await worker.terminate();
}

/** Buys, as soon as the venue is looked after, and waits until the order has this status. */
async function bought(scene: Scene, wish: Record<string, string>, becomes: string): Promise<void> {
  const body = { strategy: scene.strategy, market: scene.strategy, side: 'BUY', ...wish };
  const orderId = await eventually('an order is admitted', async () => {
    const answer = await scene.cluster.post('/api/orders', body, { api: 1 });
    if (answer.status === 503) return undefined;
    expect(answer.status).toBe(201);
    return (answer.body['order'] as { orderId: string }).orderId;
  });
  await eventually(`the order is ${becomes}`, async () => {
    const [order] = await scene.query('SELECT status FROM orders WHERE id = $1', [orderId]);
    return order?.['status'] === becomes;
  });
}

/** Asks for what the scenario's strategy holds to be sold. @throws NoAnswer */
function flatten(scene: Scene, api = 1) {
  return scene.cluster.post('/api/execution/flatten', { scope: scopeOf(scene) }, { api, timeoutMs: 20_000 });
}

async function flattening(scene: Scene): Promise<string> {
  const { status, body } = await flatten(scene);
  expect(status).toBe(202);
  return (body['plan'] as Plan).planId;
}

function scopeOf({ strategy }: Scene): string {
  return `strategy:${strategy}`;
}

async function planOf(scene: Scene, planId: string): Promise<Plan> {
  const { body } = await scene.cluster.get(`/api/execution/flatten/${planId}`, { api: 1 });
  return body['plan'] as Plan;
}

function ends(scene: Scene, planId: string): Promise<Plan> {
  const over = async (): Promise<Plan | undefined> => {
    const plan = await planOf(scene, planId);
    return plan.status === 'RUNNING' ? undefined : plan;
  };
  return eventually('the plan is over', over, PLAN_MS);
}

/** The orders that the plan has placed, oldest first. */
function salesOf(scene: Scene, planId: string): Promise<Sale[]> {
  return scene.query<Sale>(
    `SELECT id, outcome, status, trim_scale(filled_quantity)::text AS filled FROM orders
     WHERE client_order_id LIKE 'flatten-' || $1 || '-%' ORDER BY created_at, id`,
    [planId],
  );
}

/** The worker dies at this point of the plan's way; nobody is there to carry it on yet. */
async function dies(scene: Scene, point: FaultPoint): Promise<string> {
  await holding(scene);
  await scene.arm(scene.cluster.worker(0), `${point}=kill`);
  const planId = await flattening(scene);
  await scene.struck(point);
  return planId;
}

/** Another worker comes, and what was begun ends as if nothing had happened. */
async function expectGoesOn(scene: Scene, planId: string): Promise<void> {
  const next = scene.cluster.worker(1);
  await scene.restart(next);
  await expectFlat(scene, planId);
  await next.terminate(); // hands its desk over at once
}

/** All is sold once, at the venue as in the books; the plan tells so truly, and events tell it once. */
async function expectFlat(scene: Scene, planId: string): Promise<void> {
  expect(await ends(scene, planId)).toMatchObject({
    status: 'DONE',
    failure: null,
    ordersCanceled: 1,
    positionsLeft: 0,
  });
  const sold = await scene.query(
    `SELECT outcome, trim_scale(sum(filled_quantity))::text AS booked,
            trim_scale(sum((SELECT sum(f.quantity) FROM paper_fills AS f JOIN paper_orders AS p ON p.id = f.order_id
                            WHERE p.client_key = o.id::text)))::text AS "atVenue"
     FROM orders AS o WHERE strategy = $1 AND side = 'SELL' GROUP BY outcome ORDER BY outcome`,
    [scene.strategy],
  );
  expect(sold).toEqual([
    { outcome: 'NO', booked: HELD.NO, atVenue: HELD.NO },
    { outcome: 'YES', booked: HELD.YES, atVenue: HELD.YES },
  ]);
  const left = `SELECT 1 FROM positions WHERE strategy = $1 AND (quantity <> 0 OR working_sell <> 0)
                UNION ALL SELECT 1 FROM paper_positions WHERE market = $1 AND quantity <> 0
                UNION ALL SELECT 1 FROM paper_orders WHERE market = $1 AND status IN ('OPEN', 'PARTIALLY_FILLED')`;
  expect(await scene.query(left, [scene.strategy])).toEqual([]);
  expect(await eventsOf(scene, planId)).toEqual(['flatten_started', 'flatten_done']);
  await expectBooksAgree(scene);
}

async function eventsOf(scene: Scene, planId: string): Promise<string[]> {
  const told = await scene.query<{ event: string }>(
    `SELECT event FROM ops_events WHERE event LIKE 'flatten%' AND details ->> 'planId' = $1 ORDER BY id`,
    [planId],
  );
  return told.map(({ event }) => event);
}

/** O5: cash as at the venue, and the books as the journal makes them. */
async function expectBooksAgree(scene: Scene): Promise<void> {
  const [cash] = await scene.query(
    `SELECT (SELECT cash FROM accounts WHERE venue = 'paper') = (SELECT cash FROM paper_accounts) AS agrees`,
  );
  expect(cash).toEqual({ agrees: true });
  const module = await startTrading(scene.cluster.database.url);
  try {
    expect(await module.get(QueryBus).execute(new CheckLedger())).toMatchObject({ differenceCount: 0 });
  } finally {
    await module.close();
  }
}

/** What a worker says that has found a plan to be no longer its own, or over. */
const LETS_GO = 'a plan was let go of';

/** A plan that sells everything loses its api or its worker between any two of its steps. */
export const FLATTEN_FAULTS: readonly FaultScenario[] = [
  {
    proves: 'a plan whose answer was lost is carried out, and asking again finds it',
    points: ['flatten-after-commit'],
    async play(scene) {
      await holding(scene);
      await scene.arm(scene.cluster.api(0), 'flatten-after-commit=kill');
      await expectNoAnswer(flatten(scene, 0));
      const { status, body } = await flatten(scene);
      expect(status).toBe(200);
      await expectGoesOn(scene, (body['plan'] as Plan).planId);
    },
  },
  {
    proves: 'a plan that was not committed has not begun, and can be asked for again',
    points: ['toggle-in-transaction'],
    async play(scene) {
      await holding(scene);
      await scene.arm(scene.cluster.api(0), 'toggle-in-transaction=kill');
      await expectNoAnswer(flatten(scene, 0));
      expect(await scene.query('SELECT 1 FROM flatten_plans WHERE scope = $1', [scopeOf(scene)])).toEqual([]);
      expect(await scene.query('SELECT 1 FROM kill_switches WHERE scope = $1', [scopeOf(scene)])).toEqual([]);
      await expectGoesOn(scene, await flattening(scene));
    },
  },
  {
    proves: 'a plan whose worker died before its first cancel is carried out',
    points: ['flatten-before-cancel'],
    async play(scene) {
      const planId = await dies(scene, 'flatten-before-cancel');
      expect(await salesOf(scene, planId)).toEqual([]);
      await expectGoesOn(scene, planId);
    },
  },
  {
    proves: 'a plan whose worker died between its cancels and its first sale sells',
    points: ['flatten-before-sale'],
    async play(scene) {
      const planId = await dies(scene, 'flatten-before-sale');
      expect(await salesOf(scene, planId)).toEqual([]);
      await expectGoesOn(scene, planId);
    },
  },
  {
    proves: 'E1 a plan whose worker died before it was marked as done ends, and is told of, once',
    points: ['flatten-before-end'],
    async play(scene) {
      const planId = await dies(scene, 'flatten-before-end');
      expect(await planOf(scene, planId)).toMatchObject({ status: 'RUNNING' });
      expect(await eventsOf(scene, planId)).toEqual(['flatten_started']);
      const sales = await salesOf(scene, planId);
      await expectGoesOn(scene, planId);
      expect(await salesOf(scene, planId)).toEqual(sales);
    },
  },
  {
    proves: 'K6, R4 a worker that froze before a sale sells nothing after a person has turned the switch off',
    points: ['flatten-before-sale'],
    async play(scene) {
      await holding(scene);
      const frozen = scene.cluster.worker(0);
      await scene.arm(frozen, 'flatten-before-sale=freeze');
      const planId = await flattening(scene);
      await scene.struck('flatten-before-sale');
      expect((await scene.toggle(false)).status).toBe(200);
      frozen.thaw();
      await scene.says(frozen, LETS_GO);
      expect(await ends(scene, planId)).toMatchObject({ status: 'FAILED', positionsLeft: 2 });
      expect(await salesOf(scene, planId)).toEqual([]);
      expect(await eventsOf(scene, planId)).toEqual(['flatten_started', 'flatten_failed']);
    },
  },
];

/** The same of what a plan sells: its worker is lost with a sale on its way. */
export const SALE_FAULTS: readonly FaultScenario[] = [
  {
    proves: 'O1 a sale that was admitted by a worker that then died is sent by the next, and made once',
    points: ['flatten-after-sale'],
    async play(scene) {
      const planId = await dies(scene, 'flatten-after-sale');
      const sales = await salesOf(scene, planId);
      expect(sales).toHaveLength(1);
      expect(await scene.query('SELECT 1 FROM paper_orders WHERE client_key = $1', [sales[0]?.['id']])).toEqual([]);
      await expectGoesOn(scene, planId);
    },
  },
  {
    proves: 'O1, O2 a sale whose sender died before the first byte never arrives, and another is made in its place',
    points: ['order-after-claim'],
    async play(scene) {
      const planId = await dies(scene, 'order-after-claim');
      await expectGoesOn(scene, planId);
      expect((await salesOf(scene, planId)).map(({ status }) => status)).toContain('REJECTED');
    },
  },
  {
    proves: 'O2, O4 a sale that was filled and whose answer was never stored is found, booked once and not repeated',
    points: ['order-after-answer'],
    async play(scene) {
      await expectGoesOn(scene, await dies(scene, 'order-after-answer'));
    },
  },
  {
    proves: 'O4 a sale that was filled before its worker died, which had not advanced the plan, is not repeated',
    points: ['flatten-sale-ended'],
    async play(scene) {
      const planId = await dies(scene, 'flatten-sale-ended');
      expect((await salesOf(scene, planId)).map(({ status }) => status)).toContain('FILLED');
      const attempts = await scene.query('SELECT attempt FROM flatten_positions WHERE plan_id = $1', [planId]);
      expect(attempts).toEqual([{ attempt: 1 }, { attempt: 1 }]);
      await expectGoesOn(scene, planId);
    },
  },
  {
    proves: 'R4 a worker that froze before a sale makes it no more when another one has sold meanwhile',
    points: ['flatten-before-sale'],
    async play(scene) {
      await holding(scene);
      const frozen = scene.cluster.worker(0);
      await scene.arm(frozen, 'flatten-before-sale=freeze');
      const planId = await flattening(scene);
      await scene.struck('flatten-before-sale');
      await expectGoesOn(scene, planId);
      frozen.thaw();
      await scene.says(frozen, LETS_GO);
      await expectFlat(scene, planId);
    },
  },
];
