import { KillSwitchWatch, ToggleKillSwitch } from '@interlock/kill-switch';
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
import { GetOrder } from '../get-order.js';
import type { OrderStatus } from '../order.js';
import type { OrderView } from '../order-view.js';
import { type OrderRequest, PlaceOrders } from '../place-orders.js';
import { type VenueDesk, VenueDesks } from './venue-desk.js';

let database: TestDatabase;
let module: TestingModule;
let probe: Client;
let desk: VenueDesk;
let market: PaperMarket;
let markets = 0;

beforeEach(async () => {
  database = await createTestDatabase();
  module = await startTrading(database.url, { VENUE_SUBMIT_TIMEOUT_MS: '400', ORDER_SEND_MAX_AGE_MS: '5000' });
  await module.get(KillSwitchWatch).start();
  probe = new Client({ connectionString: database.url });
  await probe.connect();
  market = new PaperMarket(module, `m${++markets}`);
  await market.behave({});
  await market.show([['0.48', '100']], [['0.52', '100']]);
  desk = openDesk(module);
  await ready();
});

afterEach(async () => {
  await desk.close();
  await probe.end();
  await module.close();
  await database.drop();
});

const openDesk = (of: TestingModule) => of.get(VenueDesks).open(of.get(Venues).get('paper'));

function ready(): Promise<unknown> {
  return eventually('the venue is reconciled', async () => {
    const { rows } = await probe.query(`SELECT 1 FROM venue_states WHERE state = 'OPEN' AND reconciled_at IS NOT NULL`);
    return rows[0];
  });
}

async function place(rest: Partial<OrderRequest> = {}): Promise<OrderView> {
  const request = orderRequest({ market: market.market, ...rest });
  const [result] = await module.get(CommandBus).execute(new PlaceOrders([request], 'tester'));
  if (result?.kind !== 'admitted') throw new Error(`not admitted: ${JSON.stringify(result)}`);
  desk.nudge();
  return result.order;
}

const show = (id: string): Promise<OrderView | null> => module.get(QueryBus).execute(new GetOrder(id));

/** The order once it has the status. */
function becomes({ orderId }: OrderView, ...statuses: OrderStatus[]): Promise<OrderView> {
  return eventually(`the order is ${statuses.join(' or ')}`, async () => {
    const order = await show(orderId);
    return order !== null && statuses.includes(order.status) ? order : undefined;
  });
}

const venueOrders = async () =>
  (await probe.query(`SELECT client_key, status, created_at FROM paper_orders ORDER BY arrival`)).rows;
const events = async (name: string) =>
  (await probe.query(`SELECT reason, details FROM ops_events WHERE event = $1`, [name])).rows;

async function booksAgree(): Promise<void> {
  const check = await module.get(QueryBus).execute(new CheckLedger());
  expect(check.differences).toEqual([]);
  const { rows } = await probe.query(
    `SELECT a.cash = p.cash AND a.reserved >= 0 AS same FROM accounts AS a, paper_accounts AS p WHERE a.venue = 'paper'`,
  );
  expect(rows).toEqual([{ same: true }]);
}

const toggle = (enabled: boolean, level: 'halt' | 'reduce' = 'halt', scope: 'global' | 'venue:paper' = 'global') =>
  module.get(CommandBus).execute(new ToggleKillSwitch({ scope, enabled, level }, { name: 'a', role: 'admin' }));

const ask = (orderId: string) =>
  probe.query(
    `UPDATE orders SET cancel_requested_at = clock_timestamp(), cancel_reason = 'CANCEL_REQUESTED', status = 'CANCEL_PENDING',
            version = version + 1 WHERE id = $1`,
    [orderId],
  );

describe('a desk', () => {
  it('O1 stores what it will send, sends it, and books its fills with cash and position', async () => {
    const order = await place({ price: '0.6', quantity: '120' });
    const working = await becomes(order, 'PARTIALLY_FILLED');
    expect(working).toMatchObject({ filledQuantity: '100', averagePrice: '0.52', reason: null });
    expect(working.venueOrderId).not.toBeNull();
    const { rows } = await probe.query('SELECT dedupe_key, payload, send_by > created_at AS later FROM orders');
    expect(rows).toEqual([
      { dedupe_key: order.orderId, payload: expect.objectContaining({ price: '0.6' }), later: true },
    ]);

    await market.trade('SELL', '20', '0.55');
    expect(await becomes(order, 'FILLED')).toMatchObject({ filledQuantity: '120' });
    await booksAgree();
  });

  it('ends what is left of an IOC and a FOK that cannot be filled, with the reason', async () => {
    const rest = await place({ price: '0.52', quantity: '150', type: 'limit', timeInForce: 'IOC' });
    const none = await place({ price: '0.6', quantity: '500', timeInForce: 'FOK' });
    expect(await becomes(rest, 'CANCELED')).toMatchObject({ filledQuantity: '100', reason: 'IOC_REMAINDER' });
    expect(await becomes(none, 'CANCELED')).toMatchObject({ filledQuantity: '0', reason: 'FOK_NOT_FILLED' });
    await booksAgree();
  });

  it('a post-only order that would trade is rejected, and gives back what it reserved', async () => {
    const order = await place({ price: '0.55', postOnly: true });
    expect(await becomes(order, 'REJECTED')).toMatchObject({ reason: 'POST_ONLY_WOULD_TRADE' });
    const { rows } = await probe.query('SELECT trim_scale(reserved)::text AS reserved FROM accounts');
    expect(rows).toEqual([{ reserved: '0' }]);
  });

  it('sends the orders of one market in the order of their admission', async () => {
    await market.behave({ latencyMs: 10 });
    const orders: OrderView[] = [];
    for (let n = 0; n < 12; n++) orders.push(await place({ price: `0.${10 + n}`, quantity: '5' }));
    for (const order of orders) await becomes(order, 'OPEN');
    expect((await venueOrders()).map(({ client_key }) => client_key)).toEqual(orders.map(({ orderId }) => orderId));
  });

  it('O2 a late answer leaves the order UNKNOWN, tells people, and is resolved by key; nothing is sent twice', async () => {
    await market.behave({ acknowledgement: 'late' });
    const order = await place({ price: '0.3' });
    await eventually('people are told', async () => (await events('order_unknown')).length === 1);
    expect(await becomes(order, 'OPEN')).toMatchObject({ reason: null });
    expect(await venueOrders()).toHaveLength(1);
  });

  it('O2 an order that never arrived is closed only when it cannot arrive any more', async () => {
    await market.behave({ mode: 'down' });
    const order = await place({ price: '0.3' });
    await becomes(order, 'UNKNOWN');
    const { rows: held } = await probe.query('SELECT trim_scale(reserved)::text AS reserved FROM accounts');
    expect(held).toEqual([{ reserved: '3' }]); // stays reserved meanwhile
    await market.behave({});
    expect(await becomes(order, 'REJECTED')).toMatchObject({ reason: 'NEVER_ARRIVED' });
    const { rows } = await probe.query(
      `SELECT o.updated_at > o.send_by + interval '3 seconds' AS waited, trim_scale(a.reserved)::text AS reserved FROM orders AS o, accounts AS a`,
    );
    expect(rows).toEqual([{ waited: true, reserved: '0' }]);
  });

  it('cancels what is to be cancelled, and books what was filled before', async () => {
    const order = await place({ price: '0.5', quantity: '50' });
    await becomes(order, 'OPEN');
    await market.trade('SELL', '20', '0.5');
    await ask(order.orderId);
    expect(await becomes(order, 'CANCELED')).toMatchObject({ filledQuantity: '20', reason: 'CANCEL_REQUESTED' });
    await booksAgree();
  });

  it('books a settlement after the fills before it', async () => {
    const order = await place({ price: '0.52', quantity: '40' });
    await becomes(order, 'FILLED');
    await market.settle('1', '0');
    const paidOut = await eventually('the position is paid out', async () => {
      const { rows } = await probe.query(
        'SELECT trim_scale(realized_pnl)::text AS realized FROM positions WHERE quantity = 0',
      );
      return rows[0];
    });
    expect(paidOut).toEqual({ realized: '19.2' });
    await booksAgree();
  });

  it('K2 an order admitted before a halt and not sent yet is never sent', async () => {
    await desk.close();
    const order = await place();
    await toggle(true);
    desk = openDesk(module);
    expect(await becomes(order, 'CANCELED')).toMatchObject({ reason: 'KILL_SWITCH' });
    expect(await venueOrders()).toEqual([]);
  });

  it('K7 while reducing, purchases that wait are not sent', async () => {
    await desk.close();
    const order = await place();
    await toggle(true, 'reduce', 'venue:paper');
    desk = openDesk(module);
    expect(await becomes(order, 'CANCELED')).toMatchObject({ reason: 'KILL_SWITCH' });
    expect(await venueOrders()).toEqual([]);
  });

  it('O5 after a start nothing is sent before the books agree with the venue', async () => {
    await desk.close();
    const order = await place();
    await probe.query('UPDATE paper_accounts SET cash = cash + 100');
    desk = openDesk(module);
    await eventually('the venue is halted', async () => (await events('auto_kill_switch_triggered')).length === 1);
    expect(await becomes(order, 'CANCELED')).toMatchObject({ reason: 'KILL_SWITCH' });
    expect(await venueOrders()).toEqual([]);
  });

  it('an order that waited too long expires instead of being sent at a price of another time', async () => {
    await desk.close();
    const order = await place();
    await probe.query(`UPDATE orders SET created_at = created_at - interval '6 seconds'`);
    desk = openDesk(module);
    expect(await becomes(order, 'EXPIRED')).toMatchObject({ reason: 'NOT_SENT_IN_TIME' });
    expect(await venueOrders()).toEqual([]);
  });

  it('R4 one process at a time has the desk; another takes over at once when it is given up', async () => {
    const other = await startTrading(database.url);
    await other.get(KillSwitchWatch).start();
    const waiting = openDesk(other);
    try {
      const order = await place({ price: '0.3' });
      await becomes(order, 'OPEN');
      await desk.close();
      await eventually('the other has it', async () => {
        const { rows } = await probe.query('SELECT 1 FROM venue_desks WHERE epoch = 2 AND leased_until > now()');
        return rows[0];
      });
      // Until it has reconciled, nothing is admitted.
      const next = await eventually('an order is admitted', () => place({ price: '0.31' }).catch(() => undefined));
      await becomes(next, 'OPEN');
      expect(await venueOrders()).toHaveLength(2);
    } finally {
      await waiting.close();
      await other.close();
    }
  });

  it('R4 a desk whose lease was taken sends and writes nothing more', async () => {
    await probe.query(`UPDATE venue_desks SET epoch = epoch + 1, leased_until = now() + interval '1 hour'`);
    const order = await place({ price: '0.3' });
    await eventually('it has fallen silent', async () => {
      const { rows } = await probe.query(
        `SELECT 1 FROM venue_conditions WHERE updated_at < clock_timestamp() - interval '1500 ms'`,
      );
      return rows[0];
    });
    expect(await show(order.orderId)).toMatchObject({ status: 'ADMITTED' });
    expect(await venueOrders()).toEqual([]);
  });

  it('O2 an order whose sender died is found out about, not sent again', async () => {
    await desk.close();
    const order = await place({ price: '0.3' });
    // As a sender leaves it that was killed between its commit and the first byte.
    await probe.query(
      `UPDATE orders SET status = 'SUBMITTED', dedupe_key = id, payload = '{}', send_by = clock_timestamp(), version = version + 1`,
    );
    desk = openDesk(module);
    await becomes(order, 'UNKNOWN');
    expect(await events('order_unknown')).toHaveLength(1);
    expect(await becomes(order, 'REJECTED')).toMatchObject({ reason: 'NEVER_ARRIVED' });
    expect(await venueOrders()).toEqual([]);
  });

  it("tells the venue's condition while a comparison of the books takes its time", async () => {
    await desk.close();
    const venue = module.get(Venues).get('paper');
    const answers: (() => void)[] = [];
    const getPositions = venue.getPositions.bind(venue);
    venue.getPositions = async () => {
      await new Promise<void>((resolve) => answers.push(resolve));
      return getPositions();
    };
    desk = openDesk(module);
    await eventually('the comparison waits for the venue', () => answers.length > 0);
    const told = async () => {
      const { rows } = await probe.query<{ at: Date; known: boolean }>(
        'SELECT updated_at AS at, reconciled_at IS NOT NULL AS known FROM venue_conditions',
      );
      return rows[0];
    };
    const before = await told();
    const after = await eventually('the condition is told again', async () => {
      const now = await told();
      return now !== undefined && Number(now.at) > Number(before?.at) ? now : undefined;
    });
    expect(after.known).toBe(false);
    venue.getPositions = getPositions;
    for (const answer of answers) answer();
    await ready();
  });

  it('a story that the books contradict halts the venue and books nothing of it', async () => {
    const order = await place({ price: '0.3', quantity: '10' });
    await becomes(order, 'OPEN');
    await probe.query(`UPDATE paper_orders SET quantity = 30`);
    await market.trade('SELL', '25', '0.29');
    const [told] = await eventually('people are told', async () => {
      const found = await events('auto_kill_switch_triggered');
      return found.length > 0 ? found : undefined;
    });
    expect(told).toMatchObject({ reason: expect.stringContaining('of 10 shares, 0 filled, got a fill of 25 more') });
    const { rows } = await probe.query(`SELECT scope, level FROM kill_switches WHERE enabled`);
    expect(rows).toEqual([{ scope: 'venue:paper', level: 'halt' }]);
    expect(await show(order.orderId)).toMatchObject({ filledQuantity: '0' });
  });
});
