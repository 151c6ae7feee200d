import { KillSwitchWatch } from '@interlock/kill-switch';
import { type Venue, Venues } from '@interlock/venues';
import { CommandBus } from '@nestjs/cqrs';
import type { TestingModule } from '@nestjs/testing';
import { Client } from 'pg';
import { eventually } from '../../../../test/support/eventually.js';
import { PaperMarket } from '../../../../test/support/paper-market.js';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/test-database.js';
import { startTrading } from '../../../../test/support/trading-module.js';
import type { OrderStatus } from '../order.js';
import type { OrderView } from '../order-view.js';
import { type OrderRequest, PlaceOrders } from '../place-orders.js';
import { type VenueDesk, VenueDesks } from '../sending/venue-desk.js';
import { SyncOrders } from './sync-orders.js';
import { CannotCompare, VenueComparison } from './venue-comparison.js';

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
  await market.show([['0.48', '1000']], [['0.52', '1000']]);
});

afterEach(async () => {
  await desk?.close();
  desk = undefined;
  await probe.end();
  await module.close();
  await database.drop();
});

/** The paper venue, as quick to read as it is here; else each difference would take seconds to be confirmed. */
function paper(): Venue {
  const venue = module.get(Venues).get('paper');
  const capabilities = { ...venue.capabilities(), readLagMs: 50 };
  return Object.create(venue, { capabilities: { value: () => capabilities } }) as Venue;
}

const compare = (venue = paper()) => module.get(VenueComparison).compare(venue);

async function openDesk(): Promise<void> {
  desk = module.get(VenueDesks).open(paper());
  await eventually('the venue is reconciled', async () => {
    const { rows } = await probe.query(`SELECT 1 FROM venue_states WHERE state = 'OPEN' AND reconciled_at IS NOT NULL`);
    return rows[0];
  });
}

/** From now on the ledger stands still. */
async function closeDesk(): Promise<void> {
  await desk?.close();
  desk = undefined;
}

async function place(rest: Partial<OrderRequest> = {}): Promise<OrderView> {
  const request: OrderRequest = {
    strategy: 'alpha',
    venue: 'paper',
    market: 'm',
    outcome: 'YES',
    side: 'BUY',
    type: 'limit',
    price: '0.5',
    quantity: '10',
    timeInForce: 'GTC',
    expiresAt: null,
    postOnly: false,
    reduceOnly: false,
    clientOrderId: null,
    ...rest,
  };
  const [result] = await module.get(CommandBus).execute(new PlaceOrders([request], 'tester'));
  if (result?.kind !== 'admitted') throw new Error(`not admitted: ${JSON.stringify(result)}`);
  desk?.nudge();
  return result.order;
}

const statusOf = async (id: string): Promise<string | undefined> =>
  (await probe.query<{ status: string }>('SELECT status FROM orders WHERE id = $1', [id])).rows[0]?.status;

async function placed(status: OrderStatus, rest: Partial<OrderRequest> = {}): Promise<string> {
  const { orderId } = await place(rest);
  await eventually(`the order is ${status}`, async () => (await statusOf(orderId)) === status);
  return orderId;
}

/** A desk that holds 10 YES bought at 0.52 and works a bid for 10 more. */
async function tradedALittle(): Promise<string> {
  await openDesk();
  await placed('FILLED', { price: '0.52' });
  return placed('OPEN');
}

/** A fill that the venue has and that the ledger does not: the desk is closed. */
async function fillBeyondTheBooks(): Promise<void> {
  await market.trade('SELL', '4', '0.48');
}

describe('comparing the ledger with the paper venue', () => {
  it('O5 agrees to the last digit after trading, over several strategies', async () => {
    await openDesk();
    await placed('FILLED', { price: '0.52' });
    await placed('FILLED', { strategy: 'beta', price: '0.52', quantity: '7' });
    await placed('FILLED', { strategy: 'beta', side: 'SELL', price: '0.48', quantity: '3' });
    const working = await placed('OPEN');
    const comparison = await compare();
    expect(comparison).toMatchObject({ isComplete: true, differences: [], inFlight: 0 });
    expect(comparison.items).toEqual([
      { kind: 'cash', key: 'default', ledger: '9992.6', venue: '9992.6', by: '0' },
      { kind: 'position', key: 'm YES', ledger: '14', venue: '14', by: '0' },
      {
        kind: 'order',
        key: working,
        ledger: 'BUY 10 m YES at 0.5, filled 0',
        venue: 'BUY 10 m YES at 0.5, filled 0',
        by: '0',
      },
    ]);
    expect(comparison.reserved).toEqual({ ledger: '5', venue: '5' });
  });

  it('O5 agrees after a settlement', async () => {
    await tradedALittle();
    await market.settle('1', '0');
    await eventually('the settlement is booked', async () => {
      const { rows } = await probe.query('SELECT 1 FROM positions WHERE quantity > 0');
      return rows.length === 0;
    });
    await module.get(SyncOrders).run(paper());
    expect(await compare()).toMatchObject({ isComplete: true, differences: [], inFlight: 0 });
  });

  it('O5 tells of cash and positions that differ, with both sides’ exact numbers', async () => {
    await tradedALittle();
    await closeDesk();
    await probe.query(`UPDATE paper_accounts SET cash = cash + 0.00000001`);
    await probe.query(`UPDATE paper_positions SET quantity = quantity + 2.5 WHERE outcome = 'YES'`);
    await probe.query(`INSERT INTO paper_positions (market, outcome, quantity) VALUES ('m', 'NO', 1)
                       ON CONFLICT (market, outcome) DO UPDATE SET quantity = 1`);
    expect((await compare()).differences).toEqual([
      { kind: 'cash', key: 'default', ledger: '9994.8', venue: '9994.80000001', by: '0.00000001' },
      { kind: 'position', key: 'm NO', ledger: null, venue: '1', by: '1' },
      { kind: 'position', key: 'm YES', ledger: '10', venue: '12.5', by: '2.5' },
    ]);
  });

  it('O5 tells of an order at the venue that the ledger lacks', async () => {
    await tradedALittle();
    const foreign = paper().prepareOrder(market.intent('BUY', '3', '0.4'));
    const sent = await paper().submit(foreign, {
      signal: new AbortController().signal,
      sendBy: new Date(Date.now() + 10_000),
    });
    if (sent.kind !== 'ACCEPTED') throw new Error(sent.kind);
    expect((await compare()).differences).toEqual([
      {
        kind: 'foreign-order',
        key: sent.order.venueOrderId,
        ledger: null,
        venue: 'BUY 3 m YES at 0.4, filled 0',
        by: null,
      },
    ]);
  });

  it('O5 tells of orders that the venue lost, that it works on though they ended here, and that were filled otherwise', async () => {
    const lost = await tradedALittle();
    const [undead, filled, other] = [await placed('OPEN'), await placed('OPEN'), await placed('OPEN')];
    await closeDesk();
    await probe.query('DELETE FROM paper_orders WHERE client_key = $1', [lost]);
    await probe.query(`UPDATE orders SET send_by = now() - interval '1 minute' WHERE id = $1`, [lost]);
    await probe.query(`UPDATE orders SET status = 'CANCELED' WHERE id = $1`, [undead]);
    await probe.query(
      `UPDATE paper_orders SET filled_quantity = 1.5, status = 'PARTIALLY_FILLED' WHERE client_key = $1`,
      [filled],
    );
    await probe.query(`UPDATE paper_orders SET price = 0.51 WHERE client_key = $1`, [other]);
    const words = (price: string, done: string) => `BUY 10 m YES at ${price}, filled ${done}`;
    const { differences } = await compare();
    expect(new Set(differences)).toEqual(
      new Set([
        { kind: 'missing-order', key: lost, ledger: words('0.5', '0'), venue: null, by: null },
        { kind: 'order', key: undead, ledger: 'CANCELED', venue: words('0.5', '0'), by: null },
        { kind: 'order', key: filled, ledger: words('0.5', '0'), venue: words('0.5', '1.5'), by: '1.5' },
        { kind: 'order', key: other, ledger: words('0.5', '0'), venue: words('0.51', '0'), by: null },
      ]),
    );
  });

  it('counts what is being found out, and tells of no difference', async () => {
    await openDesk();
    const unknown = await placed('OPEN');
    const submitted = await placed('OPEN');
    const pending = await placed('OPEN');
    const ended = await placed('OPEN');
    await closeDesk();
    await place({ quantity: '5' }); // admitted, and nobody sends it
    const never = `dedupe_key = gen_random_uuid()::text`; // the venue has no such order
    await probe.query(`UPDATE orders SET status = 'UNKNOWN', ${never} WHERE id = $1`, [unknown]);
    await probe.query(`UPDATE orders SET status = 'SUBMITTED', ${never} WHERE id = $1`, [submitted]);
    await probe.query(`UPDATE orders SET status = 'CANCEL_PENDING', venue_order_id = NULL WHERE id = $1`, [pending]);
    await probe.query(`UPDATE orders SET ended_as = 'CANCELED', ended_filled = 4 WHERE id = $1`, [ended]);
    await probe.query('DELETE FROM paper_orders WHERE client_key = ANY($1)', [[unknown, submitted, pending, ended]]);
    expect(await compare()).toMatchObject({ isComplete: true, differences: [], inFlight: 5 });
  });

  it('asks for orders that are not listed: what ended at the venue is no difference, and is taken over', async () => {
    const canceled = await tradedALittle();
    const expired = await placed('OPEN', { timeInForce: 'GTD', expiresAt: new Date(Date.now() + 60_000) });
    await closeDesk();
    await paper().cancel({ dedupeKey: canceled, market: 'm', venueOrderId: null });
    await probe.query(`UPDATE paper_orders SET expires_at = now() - interval '1 s' WHERE client_key = $1`, [expired]);
    expect(await compare()).toMatchObject({ isComplete: true, differences: [] });

    const changed = await module.get(SyncOrders).run(paper());
    expect(changed.map(({ kind }) => kind)).toEqual(['changed', 'changed']);
    expect([await statusOf(canceled), await statusOf(expired)]).toEqual(['CANCELED', 'EXPIRED']);
    expect(await module.get(SyncOrders).run(paper())).toEqual([]);
  });

  it('takes over an order that was filled only when the fill is booked', async () => {
    const working = await tradedALittle();
    await closeDesk();
    await market.show([['0.48', '1000']], [['0.5', '1000']]); // fills the bid
    await module.get(SyncOrders).run(paper());
    expect(await statusOf(working)).toBe('OPEN');
    await openDesk();
    await eventually('the order is filled', async () => (await statusOf(working)) === 'FILLED');
    expect(await compare()).toMatchObject({ isComplete: true, differences: [] });
  });

  it('does not take fills that are not booked yet for a difference, and compares the rest', async () => {
    const working = await tradedALittle();
    await placed('OPEN', { outcome: 'NO', price: '0.3' });
    await closeDesk();
    await probe.query('UPDATE paper_positions SET quantity = quantity + 1');
    await fillBeyondTheBooks();
    await market.show([['0.48', '1000']], [['0.5', '4']]);
    const comparison = await compare();
    // Cash and YES were traded; were they compared, they would differ.
    expect(comparison).toMatchObject({ isComplete: false, differences: [] });
    expect(comparison.items.map(({ kind }) => kind)).toEqual(['order']);
    expect(comparison.items.some(({ key }) => key === working)).toBe(false);

    await openDesk();
    await eventually('the fill is booked', async () => (await statusOf(working)) === 'PARTIALLY_FILLED');
    expect((await compare()).differences).toMatchObject([{ kind: 'position', key: 'm YES', by: '1' }]);
  });

  it('O5 never sees a difference while trading goes on', async () => {
    await market.behave({ latencyMs: 10 });
    await openDesk();
    const over = new AbortController();
    const trading = (async () => {
      while (!over.signal.aborted) {
        const price = Math.random() < 0.5 ? '0.52' : '0.5';
        await place({ price, quantity: '1' });
        await market.trade('SELL', '1', '0.48');
      }
    })();
    try {
      for (let round = 0; round < 8; round++) expect((await compare()).differences).toEqual([]);
    } finally {
      over.abort();
      await trading;
    }
    await eventually('it is quiet', async () => {
      const { isComplete, inFlight } = await compare();
      return isComplete && inFlight === 0;
    });
    expect((await compare()).differences).toEqual([]);
  });

  it('does not compare what it cannot read', async () => {
    await expect(compare()).rejects.toThrow(CannotCompare); // no desk has opened the account
    await openDesk();
    await market.behave({ mode: 'down' });
    await expect(compare()).rejects.toMatchObject({ name: 'VenueUnreachable' });
  });

  it('tells only what differs twice in the same way', async () => {
    await tradedALittle();
    await closeDesk();
    const venue = paper();
    let readings = 0;
    const flickering = Object.create(venue, {
      getBalances: { value: async () => ({ ...(await venue.getBalances()), cash: `${5 + readings++}` }) },
    }) as Venue;
    const { differences, items } = await compare(flickering);
    expect(differences).toEqual([]);
    expect(items).toContainEqual(expect.objectContaining({ kind: 'cash', venue: '6' }));
  });
});
