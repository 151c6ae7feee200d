import { KillSwitches, KillSwitchWatch, type Scope, ToggleKillSwitch } from '@interlock/kill-switch';
import { Transactions } from '@interlock/persistence';
import { SetRiskLimits } from '@interlock/risk-guards';
import { Venues } from '@interlock/venues';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { TestingModule } from '@nestjs/testing';
import { Client } from 'pg';
import { orderRequest } from '../../../../test/support/order-request.js';
import { eventually } from '../../../../test/support/eventually.js';
import { PaperMarket } from '../../../../test/support/paper-market.js';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/test-database.js';
import { startTrading } from '../../../../test/support/trading-module.js';
import { CheckLedger } from '../check-ledger.js';
import { type OrderRequest, PlaceOrders } from '../place-orders.js';
import { type VenueDesk, VenueDesks } from '../sending/venue-desk.js';
import type { FlattenPlanView } from './flatten-plan.js';
import { FlattenWork } from './flatten-work.js';
import { GetFlattenPlan, StartFlatten } from './start-flatten.js';

const OFFICER = { name: 'olga', role: 'risk-officer' } as const;

let database: TestDatabase;
let module: TestingModule;
let probe: Client;
let market: PaperMarket;
let desk: VenueDesk;

beforeEach(async () => {
  database = await createTestDatabase();
  module = await startTrading(database.url);
  await module.get(KillSwitchWatch).start();
  probe = new Client({ connectionString: database.url });
  await probe.connect();
  market = new PaperMarket(module, 'm');
  await market.behave({});
  await market.show([['0.48', '100']], [['0.52', '1000']], { minQuantity: '5' });
  desk = module.get(VenueDesks).open(module.get(Venues).get('paper'));
  await eventually('the venue is reconciled', async () => {
    const { rows } = await probe.query(`SELECT 1 FROM venue_states WHERE state = 'OPEN' AND reconciled_at IS NOT NULL`);
    return rows[0];
  });
});

afterEach(async () => {
  await desk.close();
  await probe.end();
  await module.close();
  await database.drop();
});

const BUY = orderRequest({ price: '0.4' });

/** Places an order that is admitted, and waits until it has this status. */
async function place(more: Partial<OrderRequest>, status: string): Promise<void> {
  const [result] = await module.get(CommandBus).execute(new PlaceOrders([{ ...BUY, ...more }], 'tester'));
  if (result?.kind !== 'admitted') throw new Error(`not admitted: ${JSON.stringify(result)}`);
  desk.nudge();
  await eventually(`the order is ${status}`, async () => {
    const { rows } = await probe.query('SELECT status FROM orders WHERE id = $1', [result.order.orderId]);
    return rows[0].status === status;
  });
}

const buy = (quantity: string, more: Partial<OrderRequest> = {}) =>
  place({ price: '0.52', timeInForce: 'IOC', quantity, ...more }, 'FILLED');

async function flatten(scope: Scope = 'global', collar: string | null = null) {
  return module.get(CommandBus).execute(new StartFlatten({ scope, collar, reason: null }, OFFICER));
}

const show = ({ planId }: FlattenPlanView) => module.get(QueryBus).execute(new GetFlattenPlan(planId));
const carryOn = async (worker = 'one') => {
  desk.nudge();
  return module.get(FlattenWork).carryOn(worker);
};

/** Carries the plan on until it has this status. */
function becomes(plan: FlattenPlanView, status: string, worker = 'one'): Promise<FlattenPlanView> {
  return eventually(`the plan is ${status}`, async () => {
    await carryOn(worker);
    const now = await show(plan);
    return now?.status === status ? now : undefined;
  });
}

const held = async () =>
  (
    await probe.query(
      `SELECT strategy, trim_scale(quantity)::text AS quantity FROM positions WHERE quantity > 0 ORDER BY 1`,
    )
  ).rows;
const sales = async () =>
  (
    await probe.query(
      `SELECT trim_scale(price)::text AS price, trim_scale(quantity)::text AS quantity, trim_scale(filled_quantity)::text AS filled,
              reduce_only AS "reduceOnly", time_in_force AS "timeInForce"
       FROM orders WHERE side = 'SELL' AND client_order_id LIKE 'flatten-%' ORDER BY created_at, id`,
    )
  ).rows;
const events = async () =>
  (await probe.query(`SELECT event FROM ops_events WHERE event LIKE 'flatten%' ORDER BY id`)).rows.map(
    ({ event }) => event,
  );

async function booksAgree(): Promise<void> {
  expect((await module.get(QueryBus).execute(new CheckLedger())).differences).toEqual([]);
}

describe('flattening', () => {
  it('K7 cancels everything and sells everything in slices as large as the bid shows, reduce-only, until it is flat', async () => {
    await buy('150');
    await place({}, 'OPEN');
    await place({ side: 'SELL', price: '0.9', quantity: '50' }, 'OPEN');
    const { kind, plan } = await flatten();
    expect([kind, plan]).toMatchObject([
      'started',
      { status: 'RUNNING', ordersCanceled: 0, positionsLeft: 1, scope: 'global' },
    ]);
    const refused = await module.get(CommandBus).execute(new PlaceOrders([BUY], 'tester'));
    expect(refused).toMatchObject([{ kind: 'kill-switch', killSwitch: { level: 'reduce' } }]);

    await eventually('the first slice is sold', async () => {
      await carryOn();
      return (await sales())[0]?.filled === '100';
    });
    await market.show([['0.3', '100']], [['0.52', '1000']], { minQuantity: '5' });
    const done = await becomes(plan, 'DONE');
    expect(done).toMatchObject({ ordersCanceled: 2, positionsLeft: 0, failure: null, finishedAt: expect.any(String) });
    expect(await held()).toEqual([]);
    const order = { reduceOnly: true, timeInForce: 'IOC' };
    expect(await sales()).toEqual([
      { price: '0.48', quantity: '100', filled: '100', ...order },
      { price: '0.3', quantity: '50', filled: '50', ...order },
    ]);
    expect(await events()).toEqual(['flatten_started', 'flatten_done']);
    await booksAgree();
  });

  it('sells nothing below the collar, and goes on when the bid is back; a second wish is given the running plan', async () => {
    await buy('20');
    const { plan } = await flatten('strategy:alpha', '0.05');
    await market.show([['0.42', '100']], [['0.52', '1000']], { minQuantity: '5' });
    for (let n = 0; n < 5; n++) await carryOn();
    expect([await held(), await sales()]).toEqual([[{ strategy: 'alpha', quantity: '20' }], []]);
    expect(await flatten('strategy:alpha')).toMatchObject({ kind: 'running', plan: { planId: plan.planId } });
    await market.show([['0.43', '100']], [['0.52', '1000']], { minQuantity: '5' });
    await becomes(plan, 'DONE');
    expect(await sales()).toMatchObject([{ price: '0.43', filled: '20' }]);
    // The next one of the scope goes by the bid of its own beginning.
    const next = await flatten('strategy:alpha', '0.05');
    expect([next.kind, next.plan.planId === plan.planId]).toEqual(['started', false]);
  });

  it('goes by the first bid that there is when there was none at its beginning', async () => {
    await buy('20');
    await market.show([], [['0.52', '1000']], { minQuantity: '5' });
    const { plan } = await flatten('global', '0.05');
    await carryOn();
    await market.show([['0.2', '8']], [['0.52', '1000']], { minQuantity: '5' });
    await eventually('it sells at the first bid', async () => {
      await carryOn();
      return (await sales())[0]?.filled === '8';
    });
    await market.show([['0.14', '100']], [['0.52', '1000']], { minQuantity: '5' });
    for (let n = 0; n < 5; n++) await carryOn();
    expect(await sales()).toHaveLength(1);
    await market.show([['0.15', '100']], [['0.52', '1000']], { minQuantity: '5' });
    await becomes(plan, 'DONE');
  });

  it('touches its scope only, and leaves dust', async () => {
    await buy('12', { strategy: 'alpha' });
    await buy('20', { strategy: 'beta' });
    await place({ strategy: 'beta' }, 'OPEN');
    await market.show([['0.48', '9']], [['0.52', '1000']], { minQuantity: '10' });
    const { plan } = await flatten('strategy:alpha');
    expect(await becomes(plan, 'DONE')).toMatchObject({ positionsLeft: 1, ordersCanceled: 0 });
    expect(await held()).toEqual([
      { strategy: 'alpha', quantity: '3' },
      { strategy: 'beta', quantity: '20' },
    ]);
    const { rows } = await probe.query(`SELECT status FROM orders WHERE strategy = 'beta' AND price = 0.4`);
    expect(rows).toEqual([{ status: 'OPEN' }]);
  });

  it('a plan is carried on by another worker when its own is lost, which sells nothing twice', async () => {
    await buy('60');
    const { plan } = await flatten();
    await desk.close(); // admitted, and not sent
    await eventually('a sale is admitted', async () => {
      await module.get(FlattenWork).carryOn('lost');
      return (await sales()).length > 0;
    });
    expect(await carryOn('other')).toBe(0);
    await probe.query(`UPDATE flatten_plans SET leased_until = clock_timestamp() - interval '1 ms'`);
    for (let n = 0; n < 3; n++) await module.get(FlattenWork).carryOn('other');
    expect(await sales()).toHaveLength(1);
    desk = module.get(VenueDesks).open(module.get(Venues).get('paper'));
    await becomes(plan, 'DONE', 'other');
    expect(await sales()).toMatchObject([{ quantity: '60', filled: '60' }]);
    await booksAgree();
  });

  it('losses never refuse its sales; sizes and rates that guards allow are kept to', async () => {
    await buy('40');
    const limit = (rule: 'dailyLoss' | 'orderQuantity' | 'orderRate', value: string) =>
      module
        .get(CommandBus)
        .execute(new SetRiskLimits([{ rule, scope: 'global', limit: value }], 'for the test', 'tester'));
    await limit('dailyLoss', '0');
    await limit('orderQuantity', '30');
    await limit('orderRate', '1');
    const { plan } = await flatten();
    for (let n = 0; n < 3; n++) await carryOn();
    expect(await sales()).toEqual([]);
    await limit('orderRate', '1000');
    expect(await becomes(plan, 'DONE')).toMatchObject({ positionsLeft: 0 });
    expect((await sales()).map(({ quantity }) => quantity)).toEqual(['30', '10']);
  });

  it('K6 K7 loosens a switch that halts, pauses while it is halted again, and fails when it is turned off', async () => {
    await buy('20');
    const turn = (enabled: boolean) =>
      module.get(CommandBus).execute(new ToggleKillSwitch({ scope: 'global', enabled, level: 'halt' }, OFFICER));
    await turn(true);
    const { plan } = await flatten();
    const level = async () =>
      (await module.get(Transactions).run((tx) => module.get(KillSwitches).read(tx, 'global'))).level;
    expect(await level()).toBe('reduce');
    await turn(true);
    for (let n = 0; n < 3; n++) await carryOn();
    expect([await sales(), (await show(plan))?.status]).toEqual([[], 'RUNNING']);
    await turn(false);
    expect(await becomes(plan, 'FAILED')).toMatchObject({
      failure: 'the switch global was turned off',
      positionsLeft: 1,
    });
    expect(await events()).toEqual(['flatten_started', 'flatten_failed']);
  });

  it('fails when what is left is in markets that trade no more', async () => {
    await buy('20');
    await market.show([['0.48', '100']], [], { status: 'CLOSED' });
    const { plan } = await flatten();
    expect(await becomes(plan, 'FAILED')).toMatchObject({ failure: 'closed to trading: m at paper', positionsLeft: 1 });
  });
});
