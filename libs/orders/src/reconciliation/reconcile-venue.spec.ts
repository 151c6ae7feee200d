import { ToggleKillSwitch } from '@interlock/kill-switch';
import { MetricsPage } from '@interlock/observability';
import { CommandBus } from '@nestjs/cqrs';
import { eventually } from '../../../../test/support/eventually.js';
import { PaperTrading } from '../../../../test/support/paper-trading.js';
import { passes, ReconcileVenue, type Reconciliation } from './reconcile-venue.js';

let trading: PaperTrading;

beforeEach(async () => {
  trading = await PaperTrading.start({ RECONCILE_TOLERANCE_CASH: '0.01', RECONCILE_TOLERANCE_SHARES: '0.5' });
});

afterEach(() => trading.stop());

const reconcile = (process: 0 | 1 = 0): Promise<Reconciliation> =>
  trading.modules[process].get(ReconcileVenue).run(trading.paper(process));
const addCash = (cash: string) => trading.probe.query('UPDATE paper_accounts SET cash = cash + $1', [cash]);
const addShares = (shares: string) =>
  trading.probe.query(`UPDATE paper_positions SET quantity = quantity + $1 WHERE outcome = 'YES'`, [shares]);
const told = () => trading.eventsOf('reconciliation_difference');
const triggered = () => trading.eventsOf('auto_kill_switch_triggered');
const release = () =>
  trading.modules[0]
    .get(CommandBus)
    .execute(
      new ToggleKillSwitch(
        { scope: 'venue:paper', enabled: false, level: 'halt' },
        { name: 'rita', role: 'risk-officer' },
      ),
    );

describe('reconciling a venue', () => {
  it('O5 passes when the books agree, and tells nobody', async () => {
    await trading.tradedALittle();
    const reconciliation = await reconcile();
    expect(reconciliation).toMatchObject({ kind: 'agrees' });
    expect(passes(reconciliation)).toBe(true);
    expect([await told(), await trading.halted()]).toEqual([[], []]);
  });

  it('O5 takes over orders that ended at the venue before it compares', async () => {
    const canceled = await trading.tradedALittle();
    await trading.closeDesk();
    await trading.paper().cancel({ dedupeKey: canceled, market: 'm', venueOrderId: null });
    expect(await reconcile()).toMatchObject({ kind: 'agrees' });
    expect(await trading.statusOf(canceled)).toBe('CANCELED');
  });

  it.each([
    ['cash', '0.01', '0.01000001', addCash],
    ['position', '0.5', '0.50000001', addShares],
  ])(
    'O5 tells of a difference in %s up to the tolerance, and halts the venue above it',
    async (kind, at, above, add) => {
      await trading.tradedALittle();
      await trading.closeDesk();
      await add(at);
      const within = await reconcile();
      expect(within).toMatchObject({
        kind: 'differs',
        isTolerable: true,
        comparison: { differences: [{ kind, by: at }] },
      });
      expect(passes(within)).toBe(true);
      expect(await told()).toMatchObject([
        { details: { count: 1, isTolerable: true, differences: [{ kind, by: at }] } },
      ]);
      expect(await trading.halted()).toEqual([]);

      await add('0.00000001');
      const beyond = await reconcile();
      expect(beyond).toMatchObject({ kind: 'differs', isTolerable: false });
      expect(passes(beyond)).toBe(false);
      expect(await trading.halted()).toEqual(['venue:paper']);
      expect(await triggered()).toMatchObject([
        { details: { rule: 'reconciliation', scope: 'venue:paper', current: above, limit: at, changedSwitch: true } },
      ]);
    },
  );

  it('O5 tells of a difference once, by both sides’ numbers, until it changes or is gone', async () => {
    await trading.tradedALittle();
    await trading.closeDesk();
    await addCash('0.005');
    await reconcile(0);
    await reconcile(1);
    const difference = { kind: 'cash', key: 'default', ledger: '9994.8', venue: '9994.805', by: '0.005' };
    expect(await told()).toEqual([
      {
        reason: 'paper: cash default is 9994.8 in the ledger, 9994.805 at the venue',
        details: {
          scope: 'venue:paper',
          venue: 'paper',
          account: 'default',
          count: 1,
          differences: [difference],
          isTolerable: true,
        },
      },
    ]);
    await addCash('0.001');
    await reconcile(1);
    expect(await told()).toHaveLength(2);
    await addCash('-0.006');
    expect(await reconcile(0)).toMatchObject({ kind: 'agrees' });
    await addCash('0.006');
    await reconcile(0);
    expect(await told()).toHaveLength(3);
    const page = await trading.modules[0].get(MetricsPage).answer(undefined);
    expect(page).toMatchObject({
      body: expect.stringMatching(/reconciliation_differences_total\{venue="paper"\} 2\n/),
    });
  });

  it.each(['a foreign order', 'a lost order'])(
    'O5 halts the venue over %s, whatever the tolerance is',
    async (which) => {
      const working = await trading.tradedALittle();
      await trading.closeDesk();
      if (which === 'a foreign order') await trading.placeBehindOurBack();
      else {
        await trading.probe.query('DELETE FROM paper_orders WHERE client_key = $1', [working]);
        await trading.probe.query(`UPDATE orders SET send_by = now() - interval '1 minute'`);
      }
      expect(await reconcile()).toMatchObject({ kind: 'differs', isTolerable: false });
      expect(await trading.halted()).toEqual(['venue:paper']);
    },
  );

  it('O5 trips once over two processes, and again after a release while the difference is there', async () => {
    await trading.tradedALittle();
    await trading.closeDesk();
    await addCash('1');
    for (let round = 0; round < 3; round++) await Promise.all([reconcile(0), reconcile(1)]);
    expect([(await triggered()).length, (await told()).length]).toEqual([1, 1]);
    expect(await trading.eventsOf('kill_switch_on')).toHaveLength(1);

    await release();
    await Promise.all([reconcile(0), reconcile(1)]);
    expect(await trading.halted()).toEqual(['venue:paper']);
    expect([(await triggered()).length, (await told()).length]).toEqual([2, 1]);
  });

  it('is unfinished while the venue cannot be read or fills wait to be booked', async () => {
    await trading.tradedALittle();
    await trading.closeDesk();
    await addCash('1');
    await trading.market.show([['0.48', '1000']], [['0.5', '4']]); // fills a part of the bid
    expect(await reconcile()).toEqual({ kind: 'unfinished', reason: 'paper: trading went on meanwhile' });
    await trading.market.behave({ mode: 'down' });
    expect(await reconcile()).toMatchObject({ kind: 'unfinished' });
    expect([await told(), await trading.halted()]).toEqual([[], []]);

    await trading.market.behave({});
    await trading.openDesk();
    const found = await eventually('the fill is booked', async () => {
      const reconciliation = await reconcile();
      return reconciliation.kind === 'unfinished' ? undefined : reconciliation;
    });
    expect(found).toMatchObject({ kind: 'differs', comparison: { differences: [{ kind: 'cash', by: '1' }] } });
  });
});
