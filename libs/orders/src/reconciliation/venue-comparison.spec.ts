import type { Venue } from '@interlock/venues';
import { eventually } from '../../../../test/support/eventually.js';
import { PaperTrading } from '../../../../test/support/paper-trading.js';
import { SyncOrders } from './sync-orders.js';
import { CannotCompare, VenueComparison } from './venue-comparison.js';

let trading: PaperTrading;

beforeEach(async () => {
  trading = await PaperTrading.start();
});

afterEach(() => trading.stop());

const compare = (venue = trading.paper()) => trading.modules[0].get(VenueComparison).compare(venue);
const sync = () => trading.modules[0].get(SyncOrders).run(trading.paper());

describe('comparing the ledger with the paper venue', () => {
  it('O5 agrees to the last digit after trading, over several strategies', async () => {
    await trading.openDesk();
    await trading.placed('FILLED', { price: '0.52' });
    await trading.placed('FILLED', { strategy: 'beta', price: '0.52', quantity: '7' });
    await trading.placed('FILLED', { strategy: 'beta', side: 'SELL', price: '0.48', quantity: '3' });
    const working = await trading.placed('OPEN');
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
    await trading.tradedALittle();
    await trading.market.settle('1', '0');
    await eventually('the settlement is booked', async () => {
      const { rows } = await trading.probe.query('SELECT 1 FROM positions WHERE quantity > 0');
      return rows.length === 0;
    });
    await sync();
    expect(await compare()).toMatchObject({ isComplete: true, differences: [], inFlight: 0 });
  });

  it('O5 tells of cash and positions that differ, with both sides’ exact numbers', async () => {
    await trading.tradedALittle();
    await trading.closeDesk();
    await trading.probe.query(`UPDATE paper_accounts SET cash = cash + 0.00000001`);
    await trading.probe.query(`UPDATE paper_positions SET quantity = quantity + 2.5 WHERE outcome = 'YES'`);
    await trading.probe.query(`INSERT INTO paper_positions (market, outcome, quantity) VALUES ('m', 'NO', 1)
                       ON CONFLICT (market, outcome) DO UPDATE SET quantity = 1`);
    expect((await compare()).differences).toEqual([
      { kind: 'cash', key: 'default', ledger: '9994.8', venue: '9994.80000001', by: '0.00000001' },
      { kind: 'position', key: 'm NO', ledger: null, venue: '1', by: '1' },
      { kind: 'position', key: 'm YES', ledger: '10', venue: '12.5', by: '2.5' },
    ]);
  });

  it('O5 tells of an order at the venue that the ledger lacks', async () => {
    await trading.tradedALittle();
    const key = await trading.placeBehindOurBack();
    expect((await compare()).differences).toEqual([
      {
        kind: 'foreign-order',
        key,
        ledger: null,
        venue: 'BUY 3 m YES at 0.4, filled 0',
        by: null,
      },
    ]);
  });

  it('O5 tells of orders that the venue lost, that it works on though they ended here, and that were filled otherwise', async () => {
    const lost = await trading.tradedALittle();
    const [undead, filled, other] = [
      await trading.placed('OPEN'),
      await trading.placed('OPEN'),
      await trading.placed('OPEN'),
    ];
    await trading.closeDesk();
    await trading.probe.query('DELETE FROM paper_orders WHERE client_key = $1', [lost]);
    await trading.probe.query(`UPDATE orders SET send_by = now() - interval '1 minute' WHERE id = $1`, [lost]);
    await trading.probe.query(`UPDATE orders SET status = 'CANCELED' WHERE id = $1`, [undead]);
    await trading.probe.query(
      `UPDATE paper_orders SET filled_quantity = 1.5, status = 'PARTIALLY_FILLED' WHERE client_key = $1`,
      [filled],
    );
    await trading.probe.query(`UPDATE paper_orders SET price = 0.51 WHERE client_key = $1`, [other]);
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
    await trading.openDesk();
    const unknown = await trading.placed('OPEN');
    const submitted = await trading.placed('OPEN');
    const pending = await trading.placed('OPEN');
    const ended = await trading.placed('OPEN');
    await trading.closeDesk();
    await trading.place({ quantity: '5' }); // admitted, and nobody sends it
    const never = `dedupe_key = gen_random_uuid()::text`; // the venue has no such order
    await trading.probe.query(`UPDATE orders SET status = 'UNKNOWN', ${never} WHERE id = $1`, [unknown]);
    await trading.probe.query(`UPDATE orders SET status = 'SUBMITTED', ${never} WHERE id = $1`, [submitted]);
    await trading.probe.query(`UPDATE orders SET status = 'CANCEL_PENDING', venue_order_id = NULL WHERE id = $1`, [
      pending,
    ]);
    await trading.probe.query(`UPDATE orders SET ended_as = 'CANCELED', ended_filled = 4 WHERE id = $1`, [ended]);
    await trading.probe.query('DELETE FROM paper_orders WHERE client_key = ANY($1)', [
      [unknown, submitted, pending, ended],
    ]);
    expect(await compare()).toMatchObject({ isComplete: true, differences: [], inFlight: 5 });
  });

  it('asks for orders that are not listed: what ended at the venue is no difference, and is taken over', async () => {
    const canceled = await trading.tradedALittle();
    const expired = await trading.placed('OPEN', { timeInForce: 'GTD', expiresAt: new Date(Date.now() + 60_000) });
    await trading.closeDesk();
    await trading.paper().cancel({ dedupeKey: canceled, market: 'm', venueOrderId: null });
    await trading.probe.query(`UPDATE paper_orders SET expires_at = now() - interval '1 s' WHERE client_key = $1`, [
      expired,
    ]);
    expect(await compare()).toMatchObject({ isComplete: true, differences: [] });

    const changed = await sync();
    expect(changed.map(({ kind }) => kind)).toEqual(['changed', 'changed']);
    expect([await trading.statusOf(canceled), await trading.statusOf(expired)]).toEqual(['CANCELED', 'EXPIRED']);
    expect(await sync()).toEqual([]);
  });

  it('takes over an order that was filled only when the fill is booked', async () => {
    const working = await trading.tradedALittle();
    await trading.closeDesk();
    await trading.market.show([['0.48', '1000']], [['0.5', '1000']]); // fills the bid
    await sync();
    expect(await trading.statusOf(working)).toBe('OPEN');
    await trading.openDesk();
    await eventually('the order is filled', async () => (await trading.statusOf(working)) === 'FILLED');
    expect(await compare()).toMatchObject({ isComplete: true, differences: [] });
  });

  it('does not take fills that are not booked yet for a difference, and compares the rest', async () => {
    const working = await trading.tradedALittle();
    await trading.placed('OPEN', { outcome: 'NO', price: '0.3' });
    await trading.closeDesk();
    await trading.probe.query('UPDATE paper_positions SET quantity = quantity + 1');
    await trading.market.trade('SELL', '4', '0.48');
    await trading.market.show([['0.48', '1000']], [['0.5', '4']]);
    const comparison = await compare();
    // Cash and YES were traded; were they compared, they would differ.
    expect(comparison).toMatchObject({ isComplete: false, differences: [] });
    expect(comparison.items.map(({ kind }) => kind)).toEqual(['order']);
    expect(comparison.items.some(({ key }) => key === working)).toBe(false);

    await trading.openDesk();
    await eventually('the fill is booked', async () => (await trading.statusOf(working)) === 'PARTIALLY_FILLED');
    expect((await compare()).differences).toMatchObject([{ kind: 'position', key: 'm YES', by: '1' }]);
  });

  it('O5 never sees a difference while trading goes on', async () => {
    await trading.market.behave({ latencyMs: 10 });
    await trading.openDesk();
    const over = new AbortController();
    const traders = (async () => {
      while (!over.signal.aborted) {
        const price = Math.random() < 0.5 ? '0.52' : '0.5';
        await trading.place({ price, quantity: '1' });
        await trading.market.trade('SELL', '1', '0.48');
      }
    })();
    try {
      for (let round = 0; round < 4; round++) expect((await compare()).differences).toEqual([]);
    } finally {
      over.abort();
      await traders;
    }
    await eventually('it is quiet', async () => {
      const { isComplete, inFlight } = await compare();
      return isComplete && inFlight === 0;
    });
    expect((await compare()).differences).toEqual([]);
  });

  it('does not compare what it cannot read', async () => {
    await expect(compare()).rejects.toThrow(CannotCompare); // no desk has opened the account
    await trading.openDesk();
    await trading.market.behave({ mode: 'down' });
    await expect(compare()).rejects.toMatchObject({ name: 'VenueUnreachable' });
  });

  it('tells only what differs twice in the same way', async () => {
    await trading.tradedALittle();
    await trading.closeDesk();
    const venue = trading.paper();
    let readings = 0;
    const flickering = Object.create(venue, {
      getBalances: { value: async () => ({ ...(await venue.getBalances()), cash: `${5 + readings++}` }) },
    }) as Venue;
    const { differences, items } = await compare(flickering);
    expect(differences).toEqual([]);
    expect(items).toContainEqual(expect.objectContaining({ kind: 'cash', venue: '6' }));
  });
});
