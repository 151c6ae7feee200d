import { outcomeOf } from '../commands/command.js';
import { Cluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';

/** Money is deposited at the venue and withdrawn there while a strategy trades: over HTTP, with real programs, from the halt to the next trade. */
let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start({ environment: { ORDER_RATE_LIMIT_PER_MIN: '1000', RECONCILE_INTERVAL_MS: '1000' } });
}, 60_000);
afterAll(() => cluster.close());

type Row = Record<string, unknown>;
const get = async (path: string) => (await cluster.get(path)).body;
const items = async (path: string) => (await get(path))['items'] as Row[];
const place = (order: Row) =>
  cluster.post('/api/orders', { strategy: 'alpha', market: 'rain', outcome: 'YES', side: 'BUY', ...order });
const moveAtVenue = (amount: string) => cluster.post('/api/paper/account/transfers', { amount });
const cashOf = async () => (await items('/api/accounts'))[0]?.['cash'];
const command = (name: string, ...args: string[]) => outcomeOf(name, args, { DATABASE_URL: cluster.database.url });

/** Places an order that nothing may keep from being admitted, and waits until it is in this status. */
async function placed(status: string, order: Row): Promise<void> {
  const { body } = await eventually('the order is admitted', async () => {
    const answer = await place(order);
    if (answer.status !== 503 && answer.status !== 201) throw new Error(JSON.stringify(answer.body));
    return answer.status === 201 && answer;
  });
  const { orderId } = body['order'] as { orderId: string };
  await eventually(`the order is ${status}`, async () => {
    return ((await get(`/api/orders/${orderId}`))['order'] as Row)['status'] === status;
  });
}

async function isHalted(): Promise<boolean> {
  const scopes = (await get('/api/execution/stop'))['scopes'] as Row[];
  return scopes.some(({ scope, enabled }) => scope === 'venue:paper' && enabled === true);
}

const halted = () => eventually('the venue is halted', isHalted);

/** As a person does who has seen that the books agree: a comparison that began before is over. */
async function releaseForGood(): Promise<void> {
  await comparedAnew();
  await release();
  await comparedAnew();
  expect(await isHalted()).toBe(false);
}

async function release(): Promise<void> {
  const wish = { scope: 'venue:paper', enabled: false, reason: 'the books agree' };
  expect(await cluster.post('/api/execution/stop', wish)).toMatchObject({ status: 200 });
}

/** Waits until books and venue were compared, from here on; the first comparison that ends may have begun before. */
async function comparedAnew(): Promise<void> {
  const compared = async () =>
    (await cluster.database.query<{ at: Date }>('SELECT compared_at AS at FROM reconciliations'))[0]?.at.getTime();
  for (let rounds = 0; rounds < 2; rounds++) {
    const before = await compared();
    await eventually('books and venue are compared', async () => (await compared()) !== before);
  }
}

async function expectBooksInOrder(): Promise<void> {
  expect(await command('reconcile')).toMatchObject({ status: 0, output: expect.stringContaining('all agree') });
  expect(await command('ledger-check')).toMatchObject({ status: 0, output: expect.stringContaining('all agree') });
}

it('O5 goes on trading after a deposit and a withdrawal: halted, booked, compared, released by a person', async () => {
  const books = { YES: { bids: [['0.40', '500']], asks: [['0.50', '500']] } };
  const rules = { outcomes: ['YES', 'NO'], rules: 'free', tick: '0.01', minQuantity: '1', status: 'OPEN' };
  await cluster.put('/api/paper/markets/rain', { ...rules, books });
  await placed('FILLED', { price: '0.50', quantity: '10' });
  await placed('OPEN', { price: '0.39', quantity: '10' });
  const { net } = await get('/api/pnl');

  // Somebody funds the account at the venue. The books do not know, and nothing is guessed: the venue is halted.
  expect(await moveAtVenue('250.12345678')).toMatchObject({ status: 200, body: { cash: '10245.12345678' } });
  await halted();
  const [difference] = await items('/api/events?event=reconciliation_difference');
  expect(difference).toMatchObject({
    reason: 'paper: cash default is 9995 in the ledger, 10245.12345678 at the venue',
    details: { differences: [{ kind: 'cash', by: '250.12345678' }] },
  });
  expect((await place({ price: '0.39', quantity: '1' })).body['code']).toBe('KILL_SWITCH_ON');
  await release();
  await halted(); // as long as it is not booked

  const deposit = { amount: '250.12345678', reason: 'funding of November', idempotencyKey: 'wire-11' };
  const booked = [];
  for (let n = 0; n < 2; n++) booked.push(await cluster.post('/api/accounts/paper/default/transfers', deposit));
  expect(booked.map(({ status }) => status)).toEqual([201, 200]);
  await expectBooksInOrder();
  expect(await isHalted()).toBe(true);
  await releaseForGood();
  await placed('FILLED', { price: '0.50', quantity: '10' });
  expect(await cashOf()).toBe('10240.12345678');

  // Somebody takes money out; this time the command books what it finds.
  await moveAtVenue('-1000');
  await halted();
  const accepted = await command('reconcile', '--accept-cash', '--reason', 'profit taken out', '--by', 'rita');
  expect(accepted).toMatchObject({
    status: 0,
    output: expect.stringContaining('Booked a withdrawal of 1000 on paper'),
  });
  await releaseForGood();
  await placed('FILLED', { side: 'SELL', price: '0.40', quantity: '20' });

  await expectBooksInOrder();
  expect(await cashOf()).toBe('9248.12345678');
  expect(await get('/api/paper/account')).toMatchObject({ cash: '9248.12345678', positions: [] });
  // Bought 20 at 0.50 and sold them at 0.40: that alone is a result.
  expect([net, (await get('/api/pnl'))['net']]).toEqual(['0', '-2']);
  expect(await items('/api/accounts/paper/default/transfers')).toMatchObject([
    { amount: '-1000', reason: 'profit taken out', bookedBy: 'rita' },
    { amount: '250.12345678', reason: 'funding of November', bookedBy: 'admin' },
  ]);
}, 240_000);
