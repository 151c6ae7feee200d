import { Cluster } from '../support/cluster.js';
import type { ClusterAnswer } from '../support/cluster-client.js';
import { callApi } from '../support/cluster-client.js';
import type { ClusterProcess } from '../support/cluster-process.js';
import { eventually } from '../support/eventually.js';

/** A day of a strategy on the paper venue, over HTTP alone, with real programs: what its users are promised, in their order. */
let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start({
    workers: 2,
    environment: { ORDER_RATE_LIMIT_PER_MIN: '1000', RISK_MAX_STRATEGY_EXPOSURE: '100', RUN_LEASE_MS: '2000' },
  });
}, 60_000);
afterAll(() => cluster.close());

type Row = Record<string, unknown>;
const get = async (path: string) => (await cluster.get(path)).body;
const items = async (path: string) => (await get(path))['items'] as Row[];
const market = (name: string, bids: string[][], asks: string[][]) =>
  cluster.put(`/api/paper/markets/${name}`, {
    outcomes: ['YES', 'NO'],
    rules: 'free',
    tick: '0.01',
    minQuantity: '1',
    status: 'OPEN',
    books: { YES: { bids, asks } },
  });
const place = (order: Row): Promise<ClusterAnswer> =>
  cluster.post('/api/orders', { strategy: 'alpha', market: 'rain', outcome: 'YES', side: 'BUY', ...order });
const orderOf = ({ body }: ClusterAnswer) => body['order'] as Row;

/** The worker that sends the orders now. */
async function lookedAfterBy(): Promise<ClusterProcess> {
  const [desk] = await cluster.database.query<{ owner: string }>('SELECT owner FROM venue_desks');
  const worker = cluster.workers.find(({ pid }) => desk?.owner.endsWith(`:${pid}`));
  if (worker === undefined) throw new Error(`nobody has the desk: ${desk?.owner}`);
  return worker;
}

function becomes(order: Row, status: string): Promise<Row> {
  return eventually(`the order is ${status}`, async () => {
    const found = (await get(`/api/orders/${String(order['orderId'])}`))['order'] as Row;
    return found['status'] === status ? found : undefined;
  });
}

it('walks through a day: trading, limits, a stop, a crash, going home flat, balanced books', async () => {
  await market('rain', [['0.40', '500']], [['0.42', '20'], ['0.43', '500']]); // prettier-ignore
  // Nothing is admitted before a worker has compared the books with the venue.
  const first = await eventually('the first order is admitted', async () => {
    const answer = await place({ price: '0.43', quantity: 50, clientOrderId: 'entry' });
    return answer.status === 503 ? undefined : answer;
  });
  expect(first).toMatchObject({ status: 201, body: { order: { status: 'ADMITTED', filledQuantity: '0' } } });
  expect(await becomes(orderOf(first), 'FILLED')).toMatchObject({ averagePrice: '0.426', filledQuantity: '50' });
  const again = await place({ price: '0.43', quantity: 50, clientOrderId: 'entry' });
  expect(again).toMatchObject({ status: 200, body: { replayed: true, order: { status: 'FILLED' } } });
  expect(await items('/api/fills')).toMatchObject([
    { price: '0.43', quantity: '30' },
    { price: '0.42', quantity: '20' },
  ]);

  // A resting order is filled in part by others, and cancelled.
  const resting = orderOf(await place({ price: '0.41', quantity: '100' }));
  await becomes(resting, 'OPEN');
  await cluster.post('/api/paper/markets/rain/trades', { outcome: 'YES', side: 'SELL', price: '0.41', quantity: '30' });
  await becomes(resting, 'PARTIALLY_FILLED');
  expect(await callApi(cluster.api(), 'DELETE', `/api/orders/${String(resting['orderId'])}`)).toMatchObject({
    status: 202,
  });
  expect(await becomes(resting, 'CANCELED')).toMatchObject({ filledQuantity: '30', reason: 'CANCEL_REQUESTED' });

  // Four fifths of a limit are told before it is hit; then a refusal names rule, value and limit.
  const near = await place({ price: '0.39', quantity: '130' });
  expect(near.status).toBe(201); // 21.3 + 12.3 + 50.7 of 100
  await becomes(orderOf(near), 'OPEN');
  await eventually('somebody is warned', async () => {
    const [warning] = await items('/api/events?event=limit_nearly_reached');
    return (warning?.['details'] as Row | undefined)?.['rule'] === 'exposure';
  });
  expect(await place({ price: '0.38', quantity: '130' })).toMatchObject({
    status: 409,
    body: { code: 'EXPOSURE_LIMIT_EXCEEDED', details: { rule: 'exposure', current: '133.7', limit: '100' } },
  });

  // The worker that sends dies: another takes over, and nothing is sent twice.
  await lookedAfterBy().then((worker) => worker.kill());
  const [sold, dear] = (
    await cluster.post('/api/orders/batch', {
      orders: [
        {
          strategy: 'alpha',
          market: 'rain',
          outcome: 'YES',
          side: 'SELL',
          price: '0.40',
          quantity: '30',
          timeInForce: 'IOC',
        },
        { strategy: 'alpha', market: 'rain', outcome: 'YES', side: 'SELL', price: '0.60', quantity: '50' },
      ],
    })
  ).body['results'] as [Row, Row];
  await becomes(sold['order'] as Row, 'FILLED');
  await becomes(dear['order'] as Row, 'OPEN');
  expect(await items('/api/paper/orders?market=rain')).toHaveLength(5);

  // The stop: what works is gone from the venue when it answers, and nothing gets in.
  const stop = await cluster.post('/api/execution/stop', { reason: 'odd fills' });
  expect(stop).toMatchObject({ status: 200, body: { effect: { ordersCanceled: 2, ordersUnknown: 0 } } });
  expect(await items('/api/paper/orders?market=rain&working=true')).toEqual([]);
  expect(await place({ price: '0.40', quantity: '1' })).toMatchObject({
    status: 409,
    body: { code: 'KILL_SWITCH_ON' },
  });

  // Going home flat: only what makes positions smaller gets in, until nothing is held.
  const { body: begun } = await cluster.post('/api/execution/flatten', { reason: 'weekend', collar: '0.05' });
  const { planId } = begun['plan'] as { planId: string };
  const plan = await eventually('all is sold', async () => {
    const found = (await get(`/api/execution/flatten/${planId}`))['plan'] as Row;
    return found['status'] === 'RUNNING' ? undefined : found;
  });
  expect(plan).toMatchObject({ status: 'DONE', positionsLeft: 0, failure: null });
  expect(await place({ price: '0.40', quantity: '1' })).toMatchObject({
    status: 409,
    body: { code: 'KILL_SWITCH_ON' },
  });

  // The books: bought 50 for 21.3 and 30 for 12.3, all 80 sold at 0.40.
  expect(await items('/api/positions?flat=true')).toMatchObject([
    { quantity: '0', costBasis: '0', realizedPnl: '-1.6', fees: '0', workingBuy: '0', workingSell: '0' },
  ]);
  expect(await get('/api/pnl?strategy=alpha')).toMatchObject({ realized: '-1.6', net: '-1.6', unrealized: '0' });
  expect(await get('/api/paper/account')).toMatchObject({ cash: '9998.4', reserved: '0', positions: [] });
  expect(await items('/api/events?event=reconciliation_difference')).toEqual([]);
}, 120_000);
