import { Transactions } from '@interlock/persistence';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { TestingModule } from '@nestjs/testing';
import { Client } from 'pg';
import { orderRequest } from '../../../test/support/order-request.js';
import { eventually } from '../../../test/support/eventually.js';
import { startOrders } from '../../../test/support/orders-module.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/test-database.js';
import { CancelOrder, type CancelOrderResult } from './cancel-order.js';
import { CheckLedger } from './check-ledger.js';
import { Ledger } from './ledger/ledger.js';
import { ORDER_STATUSES, type OrderStatus } from './order.js';
import { ADMITTED_ORDERS_CHANNEL, PlaceOrders } from './place-orders.js';

let database: TestDatabase;
let replicas: TestingModule[];
let probe: Client;
const heard: string[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  replicas = [await startOrders(database.url), await startOrders(database.url)];
  probe = new Client({ connectionString: database.url });
  await probe.connect();
  probe.on('notification', ({ payload = '' }) => heard.push(payload));
  await probe.query(`LISTEN ${ADMITTED_ORDERS_CHANNEL}`);
  await probe.query(
    `INSERT INTO venue_conditions (venue, state, reconciled_at, updated_at) VALUES ('paper', 'OPEN', now(), 'infinity')`,
  );
  await probe.query(`INSERT INTO risk_limits_off (rule, scope) SELECT rule, scope FROM risk_limits`);
  await probe.query(`DELETE FROM risk_limits`);
  await probe.query(`INSERT INTO accounts (venue, mode, cash) VALUES ('paper', 'paper', 10000)`);
  await probe.query(
    `INSERT INTO market_quotes (venue, market, outcome, tick, minimum_quantity, status, rules, fee_rate, fee_exponent, updated_at)
     VALUES ('paper', 'm', 'YES', 0.01, 1, 'OPEN', 'free', 0, 1, now())`,
  );
});

afterAll(async () => {
  await probe.end();
  await Promise.all(replicas.map((module) => module.close()));
  await database.drop();
});

const bus = (replica = 0) => replicas[replica]!.get(CommandBus);
const cancel = (orderId: string, replica = 0): Promise<CancelOrderResult> =>
  bus(replica).execute(new CancelOrder(orderId));

/** How an order comes to each status. */
const STEPS: Record<OrderStatus, readonly OrderStatus[]> = {
  ADMITTED: [],
  SUBMITTED: ['SUBMITTED'],
  OPEN: ['SUBMITTED', 'OPEN'],
  PARTIALLY_FILLED: ['SUBMITTED', 'PARTIALLY_FILLED'],
  FILLED: ['SUBMITTED', 'FILLED'],
  CANCEL_PENDING: ['SUBMITTED', 'CANCEL_PENDING'],
  CANCELED: ['CANCELED'],
  REJECTED: ['SUBMITTED', 'REJECTED'],
  EXPIRED: ['EXPIRED'],
  UNKNOWN: ['SUBMITTED', 'UNKNOWN'],
};

async function orderThatIs(status: OrderStatus): Promise<string> {
  const [result] = await bus().execute(new PlaceOrders([orderRequest()], 'tester'));
  if (result?.kind !== 'admitted') throw new Error(JSON.stringify(result));
  const { orderId } = result.order;
  await replicas[0]!.get(Transactions).run(async (tx) => {
    for (const to of STEPS[status]) await replicas[0]!.get(Ledger).changeStatus(tx, [{ orderId, to }]);
  });
  return orderId;
}

const rowOf = async (orderId: string) => {
  const { rows } = await probe.query<{ status: string; reason: string | null; at: Date | null; why: string | null }>(
    'SELECT status, reason, cancel_requested_at AS at, cancel_reason AS why FROM orders WHERE id = $1',
    [orderId],
  );
  return rows[0]!;
};

describe('cancelling an order', () => {
  it('ends at once what was never sent, and gives back what it reserved', async () => {
    const orderId = await orderThatIs('ADMITTED');
    const told = { status: 'CANCELED', reason: 'CANCEL_REQUESTED', version: 2, orderId };
    expect(await cancel(orderId)).toMatchObject({ kind: 'canceled', order: told });
    expect(await rowOf(orderId)).toMatchObject({ at: null }); // nothing was sent to the venue, nor will be
    expect(await cancel(orderId)).toEqual({ kind: 'finished', status: 'CANCELED' });
  });

  it.each(['SUBMITTED', 'OPEN', 'PARTIALLY_FILLED', 'CANCEL_PENDING'] as const)(
    'asks for the cancel of an order that is %s, and wakes who sends it',
    async (status) => {
      const orderId = await orderThatIs(status);
      heard.length = 0;
      expect(await cancel(orderId)).toMatchObject({ kind: 'requested', order: { status: 'CANCEL_PENDING', orderId } });
      const row = await rowOf(orderId);
      expect(row).toMatchObject({ status: 'CANCEL_PENDING', why: 'CANCEL_REQUESTED', at: expect.any(Date) });
      await eventually('the desk is woken', () => heard.includes('paper'));

      // Again: the first time is the one that counts.
      expect(await cancel(orderId)).toMatchObject({ kind: 'requested', order: { status: 'CANCEL_PENDING' } });
      expect(await rowOf(orderId)).toEqual(row);
    },
  );

  it('O2: an UNKNOWN order stays so, with the wish', async () => {
    const orderId = await orderThatIs('UNKNOWN');
    expect(await cancel(orderId)).toMatchObject({ kind: 'requested', order: { status: 'UNKNOWN' } });
    expect(await rowOf(orderId)).toMatchObject({ status: 'UNKNOWN', why: 'CANCEL_REQUESTED', at: expect.any(Date) });
  });

  it('leaves the reason that somebody else gave before', async () => {
    const orderId = await orderThatIs('OPEN');
    const before = `UPDATE orders SET cancel_requested_at = now(), cancel_reason = 'KILL_SWITCH' WHERE id = $1`;
    await probe.query(before, [orderId]);
    await cancel(orderId);
    expect(await rowOf(orderId)).toMatchObject({ why: 'KILL_SWITCH' });
  });

  it.each(['FILLED', 'CANCELED', 'REJECTED', 'EXPIRED'] as const)(
    'says that an order is %s and changes nothing',
    async (status) => {
      const orderId = await orderThatIs(status);
      const row = await rowOf(orderId);
      expect(await cancel(orderId)).toEqual({ kind: 'finished', status });
      expect(await rowOf(orderId)).toEqual(row);
    },
  );

  it('knows every status, and an order that does not exist', async () => {
    expect(Object.keys(STEPS)).toEqual([...ORDER_STATUSES]);
    expect(await cancel('019a0000-0000-7000-8000-000000000000')).toEqual({ kind: 'unknown-order' });
  });

  it('works while a switch is on', async () => {
    const orderId = await orderThatIs('ADMITTED');
    await probe.query(`INSERT INTO kill_switches (scope, enabled, level, version, updated_at, updated_by)
      VALUES ('global', true, 'halt', 1, now(), 'tester')`);
    expect(await cancel(orderId)).toMatchObject({ kind: 'canceled' });
    await probe.query('DELETE FROM kill_switches');
  });

  it('O3: of two processes one cancels, and of cancel and send one wins', async () => {
    for (let round = 0; round < 20; round++) {
      const orderId = await orderThatIs('ADMITTED');
      const send = replicas[1]!
        .get(Transactions)
        .run((tx) => replicas[1]!.get(Ledger).changeStatus(tx, [{ orderId, to: 'SUBMITTED' }]));
      const results = await Promise.all([cancel(orderId, 0), cancel(orderId, 1), send]);
      const kinds = results.map((result) => String('kind' in result ? result.kind : result[0]?.kind)).toSorted();
      const wasSent = kinds.includes('changed');
      expect(kinds).toEqual(wasSent ? ['changed', 'requested', 'requested'] : ['blocked', 'canceled', 'finished']);
      expect((await rowOf(orderId)).status).toBe(wasSent ? 'CANCEL_PENDING' : 'CANCELED');
    }
    const { differences } = await replicas[0]!.get(QueryBus).execute(new CheckLedger());
    expect(differences.map(({ what }) => what)).toEqual(['cash of paper default']); // the test's own money has no posting
  });
});
