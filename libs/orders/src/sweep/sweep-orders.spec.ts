import { KillSwitchWatch, type Level, type Scope, ToggleKillSwitch } from '@interlock/kill-switch';
import { newId } from '@interlock/persistence';
import { type Venue, Venues } from '@interlock/venues';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { TestingModule } from '@nestjs/testing';
import { Client } from 'pg';
import { orderRequest } from '../../../../test/support/order-request.js';
import { eventually } from '../../../../test/support/eventually.js';
import { PaperMarket } from '../../../../test/support/paper-market.js';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/test-database.js';
import { startTrading } from '../../../../test/support/trading-module.js';
import { CheckLedger } from '../check-ledger.js';
import { GetOrder } from '../get-order.js';
import type { OrderView } from '../order-view.js';
import { type OrderRequest, PlaceOrders } from '../place-orders.js';
import { type VenueDesk, VenueDesks } from '../sending/venue-desk.js';
import { CountWorkingOrders } from './count-working-orders.js';
import { KillSwitchEffects } from './kill-switch-effects.js';
import { SweepOrders } from './sweep-orders.js';

let database: TestDatabase;
let module: TestingModule;
let probe: Client;
let market: PaperMarket;
let desk: VenueDesk | undefined;

beforeEach(async () => {
  database = await createTestDatabase();
  module = await startTrading(database.url, { VENUE_SUBMIT_TIMEOUT_MS: '400' });
  await module.get(KillSwitchWatch).start();
  probe = new Client({ connectionString: database.url });
  await probe.connect();
  market = new PaperMarket(module, 'm');
  await market.behave({});
  await market.show([['0.48', '100']], [['0.52', '100']]);
  openDesk();
  await eventually('the venue is reconciled', async () => {
    const { rows } = await probe.query(`SELECT 1 FROM venue_states WHERE state = 'OPEN' AND reconciled_at IS NOT NULL`);
    return rows[0];
  });
});

afterEach(async () => {
  await closeDesk();
  await probe.end();
  await module.close();
  await database.drop();
});

const paper = () => module.get(Venues).get('paper');
const openDesk = () => (desk = module.get(VenueDesks).open(paper()));
async function closeDesk() {
  await desk?.close();
  desk = undefined;
}

/** Places orders that are admitted, each a BUY below the market unless told. */
async function place(...orders: Partial<OrderRequest>[]): Promise<OrderView[]> {
  const requests = orders.map((order): OrderRequest => ({ ...BUY, ...order }));
  const results = await module.get(CommandBus).execute(new PlaceOrders(requests, 'tester'));
  desk?.nudge();
  return results.map((result) => {
    if (result.kind === 'admitted') return result.order;
    throw new Error(`not admitted: ${JSON.stringify(result)}`);
  });
}

const BUY = orderRequest({ price: '0.4' });

const show = ({ orderId }: OrderView) => module.get(QueryBus).execute(new GetOrder(orderId));
const statusOf = async (order: OrderView) => (await show(order))?.status;
const becomes = (order: OrderView, status: string) =>
  eventually(`the order is ${status}`, async () => (await statusOf(order)) === status);
const allAre = (orders: readonly OrderView[], status: string) =>
  Promise.all(orders.map((order) => becomes(order, status)));
const works = async () => (await paper().listOpenOrders()).map(({ dedupeKey }) => dedupeKey);

async function turn(scope: Scope = 'global', level: Level = 'halt') {
  const wish = { scope, enabled: true, level };
  const result = await module.get(CommandBus).execute(new ToggleKillSwitch(wish, { name: 'a', role: 'admin' }));
  if (result.kind !== 'changed') throw new Error('the switch was not turned');
  return result.killSwitch;
}

const sweep = (scope: Scope = 'global', level: Level = 'halt', more: { since?: Date | null; withinMs?: number } = {}) =>
  module
    .get(CommandBus)
    .execute(new SweepOrders({ scope, level, since: null, withinMs: 5_000, foreign: true, ...more }));

describe('which orders a switch forbids', () => {
  it('K7 those under its scope, at reduce those of them that buy', async () => {
    await hold('alpha');
    await closeDesk();
    await place({}, { strategy: 'beta' }, { side: 'SELL', price: '0.6' });
    const count = (scope: Scope, level: Level) => {
      const killSwitch = { scope, level, enabled: true, reason: null, version: 1, updatedAt: null, updatedBy: null };
      return module.get(QueryBus).execute(new CountWorkingOrders(killSwitch));
    };
    const expected: [scope: Scope, atHalt: number, atReduce: number][] = [
      ['global', 3, 2],
      ['mode:paper', 3, 2],
      ['mode:live', 0, 0],
      ['venue:paper', 3, 2],
      ['venue:other', 0, 0],
      ['strategy:alpha', 2, 1],
      ['strategy:beta', 1, 1],
      ['strategy:alph', 0, 0],
    ];
    for (const [scope, atHalt, atReduce] of expected) {
      expect([scope, await count(scope, 'halt'), await count(scope, 'reduce')]).toEqual([scope, atHalt, atReduce]);
    }
  });
});

/** Shares of the market in the books and at the venue, bought for 0.52. */
async function hold(strategy: string) {
  const [bought] = await place({ strategy, price: '0.52', timeInForce: 'IOC' });
  await becomes(bought!, 'FILLED');
}

/** An order at the venue that nobody here has placed. */
async function placeForeign(): Promise<string> {
  const prepared = paper().prepareOrder(market.intent('BUY', '10', '0.3'));
  await paper().submit(prepared, { signal: new AbortController().signal, sendBy: new Date(Date.now() + 5_000) });
  return prepared.dedupeKey;
}

describe('sweeping', () => {
  it('K4 cancels what works at the venue and what was never sent, at global also what others placed, and gives back what is reserved', async () => {
    const sent = await place({}, {}, {});
    await allAre(sent, 'OPEN');
    await closeDesk();
    await placeForeign();
    const waiting = await place({}, {});
    const { updatedAt } = await turn();

    expect(await sweep('global', 'halt', { since: updatedAt })).toEqual({
      ordersCanceled: 5,
      ordersUnknown: 0,
      isClear: true,
    });
    expect(await works()).toEqual([]);
    for (const order of [...sent, ...waiting]) {
      expect(await show(order)).toMatchObject({ status: 'CANCELED' });
    }
    const { differences } = await module.get(QueryBus).execute(new CheckLedger());
    expect(differences).toEqual([]);
    // What works now counts, or what was ended since the toggle: each once, whoever sweeps.
    expect(await sweep()).toMatchObject({ ordersCanceled: 0, ordersUnknown: 0 });
    expect(await sweep('global', 'halt', { since: updatedAt })).toMatchObject({ ordersCanceled: 5, ordersUnknown: 0 });
  });

  it('K7 at reduce cancels what buys and keeps what sells', async () => {
    await hold('alpha');
    const [buy, sell] = await place({}, { side: 'SELL', price: '0.6' });
    await allAre([buy!, sell!], 'OPEN');
    const foreign = await placeForeign();
    expect(await sweep('global', 'reduce')).toMatchObject({ ordersCanceled: 1, ordersUnknown: 0 });
    expect([await statusOf(buy!), await statusOf(sell!)]).toEqual(['CANCELED', 'OPEN']);
    expect(new Set(await works())).toEqual(new Set([sell!.orderId, foreign]));
  });

  it('K4 a scoped switch leaves the others and what others placed alone', async () => {
    const [alpha, beta] = await place({}, { strategy: 'beta' });
    await allAre([alpha!, beta!], 'OPEN');
    const foreign = await placeForeign();
    expect(await sweep('strategy:alpha')).toMatchObject({ ordersCanceled: 1, ordersUnknown: 0 });
    expect([await statusOf(alpha!), await statusOf(beta!)]).toEqual(['CANCELED', 'OPEN']);
    expect(new Set(await works())).toEqual(new Set([beta!.orderId, foreign]));
  });

  it('K2 K4 an order that is on its way at the toggle is waited for and cancelled', async () => {
    await market.behave({ latencyMs: 900 });
    const [order] = await place({});
    await becomes(order!, 'SUBMITTED');
    const { updatedAt } = await turn();
    await market.behave({});
    const swept = await sweep('global', 'halt', { since: updatedAt });
    expect(await works()).toEqual([]);
    expect(swept).toMatchObject({ ordersCanceled: 1, ordersUnknown: 0 });
    await becomes(order!, 'CANCELED');
  });

  it('O2 K4 an order whose answer was lost is found at the venue and cancelled', async () => {
    await market.behave({ acknowledgement: 'lost' });
    const [order] = await place({});
    await eventually('it has arrived', async () => (await works()).length === 1);
    await closeDesk();
    expect(await sweep()).toMatchObject({ ordersCanceled: 1, ordersUnknown: 0 });
    expect([await statusOf(order!), await works()]).toEqual(['CANCELED', []]);
  });

  it('K4 counts as unknown what a venue that is down does not confirm, in time, and cancels it once it answers', async () => {
    const sent = await place({}, {});
    await allAre(sent, 'OPEN');
    await closeDesk();
    const [waiting] = await place({});
    await market.behave({ mode: 'down' });
    const startedAt = performance.now();
    const swept = await sweep('global', 'halt', { withinMs: 1_000 });
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(swept).toEqual({ ordersCanceled: 1, ordersUnknown: 2, isClear: false });
    expect(await statusOf(waiting!)).toBe('CANCELED');

    await market.behave({});
    expect(await sweep()).toEqual({ ordersCanceled: 2, ordersUnknown: 0, isClear: true });
    expect(await works()).toEqual([]);
  });

  it('K4 a venue that hangs holds up none of the others', async () => {
    const orders = await place({}, {});
    await allAre(orders, 'OPEN');
    await closeDesk();
    const { rowCount } = await probe.query(
      `INSERT INTO orders (id, strategy, mode, venue, market, outcome, side, type, price, quantity, time_in_force, status, dedupe_key,
                           venue_order_id, send_by)
       VALUES ($1::uuid, 'alpha', 'live', 'exchange', 'm', 'YES', 'BUY', 'limit', 0.4, 10, 'GTC', 'OPEN', $1::text, 'x', now())`,
      [newId()],
    );
    expect(rowCount).toBe(1);
    await probe.query(`INSERT INTO positions (strategy, venue, market, outcome, mode, quantity, cost_basis, working_buy)
      VALUES ('alpha', 'exchange', 'm', 'YES', 'live', 0, 0, 10)`);
    await probe.query(
      `INSERT INTO exposures (mode, strategy, working_cost, working_orders) VALUES ('live', 'alpha', 4, 1)`,
    );
    const never = () => new Promise<never>(() => undefined);
    const hanging = { name: 'exchange', mode: 'live', account: 'default', cancelAll: never, listOpenOrders: never };
    const venues = [hanging as unknown as Venue, paper()];
    Object.assign(module.get(Venues), new Venues(venues));

    const swept = sweep('global', 'halt', { withinMs: 2_000 });
    await eventually('the other one is swept', async () => (await works()).length === 0);
    expect(await swept).toEqual({ ordersCanceled: 2, ordersUnknown: 1, isClear: false });
  });

  it('one that was filled in part is cancelled, also while its fills are to be booked; one that was filled counts as neither', async () => {
    const [part, whole, none] = await place({ price: '0.45' }, { price: '0.46', quantity: '5' }, {});
    await allAre([part!, whole!, none!], 'OPEN');
    await closeDesk();
    await market.trade('SELL', '8', '0.45'); // 5 at 0.46, 3 at 0.45
    expect(await sweep()).toEqual({ ordersCanceled: 2, ordersUnknown: 0, isClear: true });
    expect([await statusOf(part!), await statusOf(none!)]).toEqual(['CANCEL_PENDING', 'CANCELED']);

    openDesk();
    await becomes(part!, 'CANCELED');
    await becomes(whole!, 'FILLED');
    expect(await show(part!)).toMatchObject({ filledQuantity: '3' });
    expect((await module.get(QueryBus).execute(new CheckLedger())).differences).toEqual([]);
  });

  it('K4 sweeps that run beside each other and beside the desk count each order once', async () => {
    const orders = await place(...Array.from({ length: 40 }, () => ({})));
    await allAre(orders, 'OPEN');
    const more = await place(...Array.from({ length: 10 }, () => ({})));
    const { updatedAt } = await turn();
    const swept = await Promise.all([1, 2, 3].map(() => sweep('global', 'halt', { since: updatedAt })));
    expect(swept.map(({ ordersCanceled, ordersUnknown }) => ordersCanceled + ordersUnknown)).toEqual([50, 50, 50]);
    await allAre([...orders, ...more], 'CANCELED');
    expect(await works()).toEqual([]);
  });
});

describe('what a switch did', () => {
  const effects = () => module.get(KillSwitchEffects);
  const told = async () =>
    (await probe.query(`SELECT details FROM ops_events WHERE event = 'kill_switch_effect' ORDER BY id`)).rows.map(
      ({ details }) => details,
    );

  it('K4 is told once per change by an event, and once more when those that were unknown have ended', async () => {
    await allAre(await place({}, {}), 'OPEN');
    await closeDesk();
    await market.behave({ mode: 'down' });
    const killSwitch = await turn('mode:paper');
    const { isClear: _, ...swept } = await sweep('mode:paper', 'halt', { withinMs: 400, since: killSwitch.updatedAt });
    for (let n = 0; n < 2; n++) await effects().tell(killSwitch, { runsAborted: 1, ...swept });
    const first = {
      scope: 'mode:paper',
      level: 'halt',
      version: 1,
      runsAborted: 1,
      ordersCanceled: 0,
      ordersUnknown: 2,
    };
    expect(await told()).toEqual([first]);

    const [chased] = await effects().toChase();
    expect(chased).toMatchObject({ working: 2, isTold: true, leftUnknown: 2, killSwitch: { scope: 'mode:paper' } });
    await market.behave({});
    await sweep('mode:paper');
    for (let n = 0; n < 2; n++) await effects().tellEnd(chased!.killSwitch);
    const { runsAborted: __, ...ended } = first;
    expect(await told()).toEqual([first, { ...ended, ordersCanceled: 2, ordersUnknown: 0 }]);
    expect(await effects().toChase()).toMatchObject([{ working: 0, isTold: true, leftUnknown: 0 }]);
  });

  it('one worker at a time chases; another one follows when it is lost', async () => {
    expect(await effects().takeChase('global', 'one')).toBe(true);
    expect(await effects().takeChase('global', 'two')).toBe(false);
    expect(await effects().takeChase('strategy:x', 'two')).toBe(true);
    expect(await effects().takeChase('global', 'one')).toBe(true);
    await probe.query(`UPDATE kill_switch_sweeps SET chased_until = clock_timestamp() - interval '1 ms'`);
    expect(await effects().takeChase('global', 'two')).toBe(true);
  });
});
