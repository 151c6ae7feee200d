import { setTimeout as delay } from 'node:timers/promises';
import { CallApi } from './lib/call-api.mjs';
import { atMost, milliseconds, rounded } from './lib/results.mjs';
import { summary } from './lib/statistics.mjs';
import { withSystem } from './lib/system.mjs';

const ORDERS = 500;
const MARKETS = 10;
const PER_BATCH = 50;
const LOOK_EVERY_MS = 5;
const PATIENCE_MS = 60_000;
/** From the stop's answer until the venue shows no working order. */
const LIMIT_MS = 1_000;

/** How soon the paper venue, at its default latency, shows no working order after the switch was pressed with 500 of them. */
export function run(context) {
  return withSystem(context, async (system) => {
    const { quick, signal, tell } = context;
    const rounds = quick ? 3 : 30;
    const environment = { ORDER_RATE_LIMIT_PER_MIN: '1000000', PAPER_CASH: '1000000' };
    const api = new CallApi((await system.start('api', environment)).url, signal);
    await system.start('worker', environment);
    for (let n = 0; n < MARKETS; n += 1) await openMarket(api, `market-${n}`);
    // The desk compares books and venue before anything is admitted.
    await until(async () => (await api.post('/orders', order(0))).status === 201, api);
    await stopOnce(api, 1);
    tell(`${rounds} rounds`);
    const measured = [];
    for (let round = 0; round < rounds; round += 1) measured.push(await stopOnce(api));
    return { tables: [tableOf(measured)], goals: goalsOf(measured), notes: NOTES };
  });
}

const NOTES = [
  'The venue takes 50 ms for each call, its default. Orders that a stop’s answer counted as unknown are waited for like the others.',
];

async function openMarket(api, market) {
  const book = { bids: [['0.40', '1000']], asks: [['0.60', '1000']] };
  const { status, body } = await api.put(`/paper/markets/${market}`, {
    outcomes: ['YES', 'NO'],
    rules: 'free',
    tick: '0.01',
    minQuantity: '1',
    status: 'OPEN',
    books: { YES: book, NO: book },
  });
  if (status !== 200) throw new Error(`a market was answered ${status} ${JSON.stringify(body)}`);
}

/**
 * @param present how many orders work already
 * @returns ms that the answer took, from the answer and from the request until no order works, and how many it counted as unknown
 */
async function stopOnce(api, present = 0) {
  await placeOrders(api, present);
  await until(async () => (await working(api)) === ORDERS, api);
  const askedAt = performance.now();
  const { status, body } = await api.post('/execution/stop', { enabled: true, reason: 'benchmark' });
  const answeredAt = performance.now();
  if (status !== 200) throw new Error(`a stop was answered ${status} ${JSON.stringify(body)}`);
  await until(async () => (await working(api)) === 0, api);
  const silentAt = performance.now();
  await api.stop(false);
  // The books know of it too before the next round begins.
  await until(async () => (await openOrders(api)) === 0, api);
  const { ordersUnknown } = body.effect;
  return {
    answer: answeredAt - askedAt,
    after: silentAt - answeredAt,
    inAll: silentAt - askedAt,
    unknown: ordersUnknown,
  };
}

function order(n) {
  const price = `0.${10 + (n % 20)}`;
  return { market: `market-${n % MARKETS}`, outcome: 'YES', side: 'BUY', price, quantity: '5' };
}

async function placeOrders(api, present) {
  for (let from = present; from < ORDERS; from += PER_BATCH) {
    const orders = Array.from({ length: Math.min(PER_BATCH, ORDERS - from) }, (_, index) => order(from + index));
    const { body } = await api.post('/orders/batch', { orders });
    const refused = body.results?.find(({ ok }) => !ok);
    if (!body.ok || refused) throw new Error(`orders were answered ${JSON.stringify(refused ?? body)}`);
  }
}

/** How many orders the venue shows as working, page by page. */
async function working(api) {
  let count = 0;
  for (let cursor = ''; ;) {
    const { status, body } = await api.get(`/paper/orders?working=true&limit=100${cursor}`);
    if (status !== 200) throw new Error(`the venue's orders were answered ${status} ${JSON.stringify(body)}`);
    count += body.items.length;
    if (body.nextCursor === null) return count;
    cursor = `&cursor=${body.nextCursor}`;
  }
}

async function openOrders(api) {
  const { body } = await api.get(
    '/orders?status=ADMITTED,SUBMITTED,OPEN,PARTIALLY_FILLED,CANCEL_PENDING,UNKNOWN&limit=1',
  );
  return body.items.length;
}

async function until(reached, { signal }) {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await reached())) {
    signal.throwIfAborted();
    if (performance.now() > deadline) throw new Error('the orders do not begin to work, or do not end');
    await delay(LOOK_EVERY_MS);
  }
}

function tableOf(measured) {
  const row = (name, key) => {
    const { p50, p99, max } = summary(measured.map((one) => one[key]));
    return [name, rounded(p50), rounded(p99), rounded(max)];
  };
  return {
    title: `Milliseconds, ${measured.length} rounds with ${ORDERS} working orders`,
    columns: ['what', 'p50', 'p99', 'max'],
    rows: [
      row('the stop’s answer', 'answer'),
      row('from the answer until the venue shows no working order', 'after'),
      row('from the request until then', 'inAll'),
      row('orders that the answer counted as unknown', 'unknown'),
    ],
  };
}

function goalsOf(measured) {
  const { p99 } = summary(measured.map(({ after }) => after));
  return [atMost(`p99 from the stop’s answer until none of ${ORDERS} orders works`, p99, LIMIT_MS, milliseconds)];
}
