import { KillSwitchWatch } from '@interlock/kill-switch';
import { amount, Transactions } from '@interlock/persistence';
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
import { Ledger } from '../ledger/ledger.js';
import type { OrderView } from '../order-view.js';
import { type OrderRequest, PlaceOrders } from '../place-orders.js';
import { SyncOrders } from '../reconciliation/sync-orders.js';
import { VenueBookings } from './book-fills.js';
import { Desk } from './desk.js';
import { DeskLease } from './desk-lease.js';
import { OrderResolving } from './resolve-orders.js';

let database: TestDatabase;
let module: TestingModule;
let probe: Client;
let venue: Venue;
let market: PaperMarket;
let lease: DeskLease;
let desk: Desk;

beforeEach(async () => {
  database = await createTestDatabase();
  module = await startTrading(database.url);
  await module.get(KillSwitchWatch).start();
  probe = new Client({ connectionString: database.url });
  await probe.connect();
  venue = module.get(Venues).get('paper');
  market = new PaperMarket(module, 'm');
  await market.behave({});
  await market.show([['0.48', '100']], [['0.52', '100']]);
  await probe.query(
    `INSERT INTO venue_conditions (venue, state, reconciled_at, updated_at) VALUES ('paper', 'OPEN', now(), 'infinity')`,
  );
  const account = { venue: 'paper', account: 'default', mode: 'paper', cash: amount('10000') } as const;
  await module.get(Transactions).run((tx) => module.get(Ledger).openAccount(tx, account));
  const taken = await DeskLease.take(module.get(Transactions), { venue: 'paper', account: 'default' });
  if (taken === undefined) throw new Error('the desk is taken');
  lease = taken;
  desk = new Desk(venue, lease, module.get(Transactions));
});

afterEach(async () => {
  await lease.release();
  await probe.end();
  await module.close();
  await database.drop();
});

/** An order as its sender leaves it that was killed while the answer was on its way: the venue has it. */
async function sent(rest: Partial<OrderRequest> = {}): Promise<string> {
  const request = orderRequest(rest);
  const [result] = await module.get(CommandBus).execute(new PlaceOrders([request], 'tester'));
  if (result?.kind !== 'admitted') throw new Error(`not admitted: ${JSON.stringify(result)}`);
  const { orderId } = result.order;
  await probe.query(
    `UPDATE orders SET status = 'SUBMITTED', dedupe_key = id, payload = '{}', version = version + 1,
            send_by = clock_timestamp() - interval '1 minute' WHERE id = $1`,
    [orderId],
  );
  const prepared = venue.prepareOrder({ ...request, orderId });
  await venue.submit(prepared, { signal: desk.over, sendBy: new Date(Date.now() + 5_000) });
  return orderId;
}

const show = async (orderId: string): Promise<OrderView> => {
  const order = await module.get(QueryBus).execute(new GetOrder(orderId));
  if (order === null) throw new Error('there is no such order');
  return order;
};
const book = () => module.get(VenueBookings).bookAll(desk);
const resolve = () => module.get(OrderResolving).resolveAll(desk);

describe('a desk that takes over', () => {
  it('O2 an order of which a fill is booked before its answer is known is not left working when it has ended', async () => {
    const order = await sent({ price: '0.52', quantity: '150', timeInForce: 'IOC' });
    await book();
    expect(await show(order)).toMatchObject({ status: 'PARTIALLY_FILLED', filledQuantity: '100' });
    await resolve();
    await module.get(SyncOrders).run(venue);
    expect(await show(order)).toMatchObject({ status: 'CANCELED', reason: 'IOC_REMAINDER' });
    const { rows } = await probe.query('SELECT trim_scale(reserved)::text AS reserved FROM accounts');
    expect(rows).toEqual([{ reserved: '0' }]);
  });

  it('O2 an order that the venue has acknowledged never counts as one that never arrived', async () => {
    const order = await sent({ price: '0.3' });
    await resolve();
    expect(await show(order)).toMatchObject({ status: 'OPEN' });
    await probe.query(
      `UPDATE orders SET cancel_requested_at = clock_timestamp() - interval '5 seconds', status = 'CANCEL_PENDING', version = version + 1`,
    );
    // The venue's record of it is gone: whether it can still trade is for people to find out, who are told by the reconciliation.
    await probe.query('DELETE FROM paper_orders');
    expect(await resolve()).toBe(0);
    expect(await show(order)).toMatchObject({ status: 'CANCEL_PENDING' });
    const { rows } = await probe.query('SELECT trim_scale(reserved)::text AS reserved FROM accounts');
    expect(rows).toEqual([{ reserved: '3' }]);
  });
});

it('O4 a fill that is voided before it was ever booked ends its order as if it had been seen in between', async () => {
  const order = await sent({ price: '0.52' });
  await resolve();
  const listFills = venue.listFills.bind(venue);
  venue.listFills = async (since) => {
    const page = await listFills(since);
    return { ...page, fills: page.fills.map((fill) => ({ ...fill, finality: 'VOIDED' as const })) };
  };
  await book();
  expect(await show(order)).toMatchObject({ status: 'FILLED', filledQuantity: '10' });
  const { rows } = await probe.query(
    `SELECT trim_scale(reserved)::text AS reserved, trim_scale(cash)::text AS cash, trim_scale(quantity)::text AS held
     FROM accounts, positions`,
  );
  expect(rows).toEqual([{ reserved: '0', cash: '10000', held: '0' }]);
  const check = await module.get(QueryBus).execute(new CheckLedger());
  expect(check.differences).toEqual([]);
});

it('answers that are stored while fills of the same order are booked never wait for each other in a circle', async () => {
  const order = await sent({ price: '0.52' });
  const ledger = module.get(Ledger);
  const bookFills = ledger.bookFills.bind(ledger);
  let timesBooked = 0;
  ledger.bookFills = (tx, fills) => {
    timesBooked++;
    return bookFills(tx, fills);
  };
  let answersStored = 0;
  let booking: Promise<number> | undefined;
  await desk.write(async (tx) => {
    answersStored++;
    booking ??= book();
    await eventually('the booking waits', async () => {
      const { rows } = await probe.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      // Without a statement now and then the server ends the transaction.
      await tx.query('SELECT 1');
      return rows[0];
    });
    await ledger.changeStatus(tx, [{ orderId: order, to: 'OPEN' }]);
  });
  await booking;
  // Who meets another one in a circle is rolled back and begins anew.
  expect({ answersStored, timesBooked }).toEqual({ answersStored: 1, timesBooked: 1 });
  expect(await show(order)).toMatchObject({ status: 'FILLED' });
});
