import { createTestDatabase } from '../support/test-database.js';
import { PaperTrading } from '../support/paper-trading.js';
import { outcomeOf } from './command.js';

let trading: PaperTrading;
let working: string;

beforeAll(async () => {
  trading = await PaperTrading.start();
  working = await trading.tradedALittle();
  await trading.closeDesk();
});

afterAll(() => trading.stop());

const environment = () => ({ DATABASE_URL: trading.database.url });
const reconcile = (...args: string[]) => outcomeOf('reconcile', args, environment());
const addCash = (cash: string) => trading.probe.query('UPDATE paper_accounts SET cash = cash + $1', [cash]);

const escaped = (text: string) => text.replaceAll(/[.<@$()]/g, '\\$&');
/** A row of the table, whatever its columns' widths are. */
const row = (...cells: string[]) => new RegExp(`^ +${cells.map(escaped).join(' +')}$`, 'm');

describe('reconcile', () => {
  it('O5 prints both sides side by side and ends with 0 when they agree', async () => {
    const { status, output } = await reconcile('--venue', 'paper');
    expect(output).toMatch(row('cash', 'default', '9994.8', '9994.8'));
    expect(output).toMatch(row('position', 'm YES', '10', '10'));
    const words = 'BUY 10 m YES at 0.5, filled 0';
    expect(output).toMatch(row('order', working, words, words));
    expect(output).toContain('3 compared, all agree');
    expect(status).toBe(0);
  });

  it('O5 marks what differs, ends with 1, and changes nothing', async () => {
    await addCash('0.25');
    try {
      const { status, output } = await reconcile();
      expect(output).toMatch(row('cash', 'default', '9994.8', '9995.05', '<- differs by 0.25'));
      expect(output).toContain('1 difference in 3 that were compared');
      expect(status).toBe(1);
      expect([await trading.halted(), await trading.eventsOf('reconciliation_difference')]).toEqual([[], []]);
    } finally {
      await addCash('-0.25');
    }
  });

  it('gives the comparison as JSON and nothing else', async () => {
    const { status, output } = await reconcile('--json');
    expect(JSON.parse(output)).toMatchObject([
      { kind: 'compared', venue: 'paper', account: 'default', isComplete: true, differences: [], inFlight: 0 },
    ]);
    expect(status).toBe(0);
  });

  it('ends with 2 when a venue is out of reach, and says so', async () => {
    await trading.market.behave({ mode: 'down' });
    try {
      const { status, output } = await reconcile();
      expect(output).toContain('paper could not be compared: paper: the connection was refused');
      expect(status).toBe(2);
    } finally {
      await trading.market.behave({});
    }
  });

  it.each([
    ['a venue that is none', ['--venue', 'nowhere'], 'No venue nowhere is configured; there is paper.'],
    ['an option that is none', ['--all'], 'Usage: npm run reconcile'],
  ])('ends with 2 for %s', async (_, args, message) => {
    expect(await reconcile(...args)).toEqual({ status: 2, output: expect.stringContaining(message) });
  });

  it('ends with 2 on a database that is out of reach or that no worker has met', async () => {
    const gone = await outcomeOf('reconcile', [], { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' });
    expect(gone).toEqual({ status: 2, output: expect.stringContaining('The database cannot be reached') });
    const fresh = await createTestDatabase();
    try {
      const unmet = await outcomeOf('reconcile', [], { DATABASE_URL: fresh.url });
      expect(unmet).toEqual({ status: 2, output: expect.stringContaining('the ledger has no account there yet') });
    } finally {
      await fresh.drop();
    }
  });
});

describe('reconcile --accept-cash', () => {
  const accept = (...args: string[]) => reconcile('--accept-cash', '--reason', 'funding', '--by', 'rita', ...args);
  const ledgerCash = async () => {
    const { rows } = await trading.probe.query<{ cash: string }>('SELECT trim_scale(cash)::text AS cash FROM accounts');
    return rows[0]?.cash;
  };
  const transfers = async () => {
    const { rows } = await trading.probe.query<{ count: number }>('SELECT count(*)::integer AS count FROM transfers');
    return rows[0]?.count;
  };

  it('O5 books what cash differs by, says so, and ends with 0 when the books agree then', async () => {
    await addCash('250.5');
    const deposit = await accept();
    expect(deposit.output).toMatch(row('cash', 'default', '9994.8', '10245.3', '<- differs by 250.5'));
    expect(deposit.output).toContain('Booked a deposit of 250.5 on paper, account default; its cash is 10245.3 now.');
    expect(deposit.output).toMatch(/Transfer [-0-9a-f]{36}, by rita: funding\n +Positions, orders and switches are as/);
    expect(deposit.output).toMatch(/cash +default +10245\.3 +10245\.3\n[^]*3 compared, all agree/);
    expect(deposit.status).toBe(0);

    await addCash('-250.5');
    const withdrawal = await reconcile('--accept-cash', '--reason', 'taken out', '--json');
    const [result] = JSON.parse(withdrawal.output) as [object];
    expect(result).toMatchObject({
      kind: 'compared',
      differences: [],
      accepted: { kind: 'booked', transfer: { amount: '-250.5', cash: '9994.8', reason: 'taken out' } },
    });
    expect(withdrawal.status).toBe(0);
    const [told] = await trading.eventsOf('transfer_booked');
    expect(told).toMatchObject({ reason: 'funding', details: { amount: '250.5', cashBefore: '9994.8' } });
    expect([await trading.statusOf(working), await trading.halted()]).toEqual(['OPEN', []]);
  });

  it('books nothing where cash does not differ, and ends with 0', async () => {
    const before = await transfers();
    const { status, output } = await accept('--venue', 'paper');
    expect(output).toContain('Nothing was booked: cash does not differ.');
    expect([status, await transfers()]).toEqual([0, before]);
  });

  it('books nothing while something else differs, for its cash may be the same thing', async () => {
    await addCash('1');
    await trading.probe.query('UPDATE paper_positions SET quantity = quantity + 1');
    try {
      const { status, output } = await accept();
      expect(output).toContain('Nothing was booked: something else than cash differs, which must be cleared first.');
      expect([status, await ledgerCash()]).toEqual([1, '9994.8']);
    } finally {
      await trading.probe.query('UPDATE paper_positions SET quantity = quantity - 1');
      await addCash('-1');
    }
  });

  it('books no withdrawal of what working orders reserve, and says both numbers', async () => {
    await addCash('-9990');
    try {
      const { status, output } = await accept();
      expect(output).toContain('a withdrawal of 9990 would leave 4.8, less than the 5 that working orders reserve');
      expect([status, await ledgerCash()]).toEqual([1, '9994.8']);
    } finally {
      await addCash('9990');
    }
  });

  it('ends with 2 when the venue is out of reach', async () => {
    await trading.market.behave({ mode: 'down' });
    try {
      expect(await accept()).toEqual({ status: 2, output: expect.stringContaining('could not be compared') });
    } finally {
      await trading.market.behave({});
    }
  });

  it.each([
    ['without a reason', ['--accept-cash'], '--accept-cash needs a --reason of 1 to 500 characters.'],
    ['with an empty reason', ['--accept-cash', '--reason', ' '], '--accept-cash needs a --reason'],
    ['with a reason for nothing', ['--reason', 'x'], '--reason and --by belong to --accept-cash.'],
  ])('ends with 2 %s, and says so', async (_, args, message) => {
    expect(await reconcile(...args)).toEqual({ status: 2, output: expect.stringContaining(message) });
  });
});

describe('ledger:check', () => {
  const check = () => outcomeOf('ledger-check', [], environment());

  it('O4 replays the journal, says how long it took, and ends with 0 when all agrees', async () => {
    const { status, output } = await check();
    expect(output).toMatch(/all agree: 4 postings, 1 positions, 1 accounts, 1 working orders, replayed in \d+\.\d s/);
    expect(status).toBe(0);
  });

  it('O4 tells what differs and ends with 1', async () => {
    await trading.probe.query('UPDATE positions SET quantity = quantity + 0.00000001');
    try {
      const { status, output } = await check();
      expect(output).toMatch(
        /differs +position alpha paper default m YES, quantity: 10 by the journal, 10\.00000001 stored/,
      );
      expect(output).toContain('1 difference: 4 postings');
      expect(status).toBe(1);
    } finally {
      await trading.probe.query('UPDATE positions SET quantity = quantity - 0.00000001');
    }
  });

  it('ends with 2 when it cannot be checked', async () => {
    const gone = await outcomeOf('ledger-check', [], { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' });
    expect(gone).toEqual({ status: 2, output: expect.stringContaining('The database cannot be reached') });
  });
});
