import { amount, newId, Transactions } from '@interlock/persistence';
import { QueryBus } from '@nestjs/cqrs';
import type { TestingModule } from '@nestjs/testing';
import * as fc from 'fast-check';
import { Client } from 'pg';
import { startOrders } from '../../../../test/support/orders-module.js';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/test-database.js';
import { CheckLedger, type LedgerCheck } from '../check-ledger.js';
import type { OrderParams, OrderStatus } from '../order.js';
import { ledgerOrderOf, type NewOrder, Orders } from '../orders.repository.js';
import type { NewFill } from './books.js';
import { Ledger, type StatusChange, type StatusChanged } from './ledger.js';

let database: TestDatabase;
let module: TestingModule;
let probe: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  module = await startOrders(database.url);
  probe = new Client({ connectionString: database.url });
  await probe.connect();
});

afterAll(async () => {
  await probe.end();
  await module.close();
  await database.drop();
});

beforeEach(() =>
  probe.query('TRUNCATE postings, fills, orders, positions, exposures, accounts, daily_results, admissions CASCADE'),
);

const ledger = (): Ledger => module.get(Ledger);
const transact: Transactions['run'] = (work) => module.get(Transactions).run(work);
const check = (): Promise<LedgerCheck> => module.get(QueryBus).execute(new CheckLedger());
const bookFills = (...fills: NewFill[]) => transact((tx) => ledger().bookFills(tx, fills));
const change = async (...changes: StatusChange[]): Promise<StatusChanged[]> =>
  transact((tx) => ledger().changeStatus(tx, changes));

/** Stores an order as admission does, and takes it to where a venue may fill it. */
async function order(
  params: Partial<OrderParams> = {},
  { status = 'OPEN', feeReserve = '0' }: { status?: OrderStatus; feeReserve?: string } = {},
): Promise<string> {
  const id = newId();
  const complete: OrderParams = {
    strategy: 'alpha',
    mode: 'paper',
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
    ...params,
  };
  const stored: NewOrder = { id, params: complete, account: 'default', clientOrderId: null, runId: null, feeReserve };
  await transact(async (tx) => {
    await module.get(Orders).insert(tx, [stored]);
    await ledger().reserve(tx, [ledgerOrderOf(stored)]);
  });
  const path: OrderStatus[] = status === 'ADMITTED' ? [] : status === 'SUBMITTED' ? [status] : ['SUBMITTED', status];
  for (const to of path) expect(await change({ orderId: id, to })).toMatchObject([{ kind: 'changed' }]);
  return id;
}

function fill(orderId: string, quantity: string, rest: Partial<NewFill> = {}): NewFill {
  return {
    orderId,
    venueTradeId: newId(),
    price: '0.5',
    quantity,
    fee: '0',
    liquidity: 'TAKER',
    finality: 'FINAL',
    executedAt: new Date(),
    ...rest,
  };
}

const rowOf = async (sql: string, values: unknown[] = []): Promise<Record<string, unknown>> => {
  const { rows } = await probe.query<Record<string, unknown>>(sql, values);
  return rows[0] ?? {};
};
const statusOf = async (id: string) => (await rowOf('SELECT status FROM orders WHERE id = $1', [id]))['status'];
const sumsNow = () =>
  rowOf(`SELECT trim_scale(p.quantity)::text AS held, trim_scale(p.cost_basis)::text AS cost,
                trim_scale(p.working_buy)::text AS buying, trim_scale(p.working_sell)::text AS selling,
                trim_scale(e.held_cost)::text AS "heldCost", trim_scale(e.working_cost)::text AS "workingCost",
                trim_scale(a.cash)::text AS cash, trim_scale(a.reserved)::text AS reserved
         FROM positions p JOIN exposures e USING (strategy, mode) JOIN accounts a USING (venue, account)`);

describe('booking fills', () => {
  it('O4 changes order, position, exposure, day and cash together', async () => {
    const buy = await order({ quantity: '10', price: '0.6' }, { feeReserve: '0.5' });
    expect(await sumsNow()).toMatchObject({ buying: '10', workingCost: '6', reserved: '6.5', held: '0' });
    await bookFills(fill(buy, '4', { fee: '0.1' }));
    expect(await sumsNow()).toEqual({
      held: '4',
      cost: '2',
      buying: '6',
      selling: '0',
      heldCost: '2',
      workingCost: '3.6',
      cash: '-2.1',
      reserved: '3.9',
    });
    expect(await statusOf(buy)).toBe('PARTIALLY_FILLED');
    await bookFills(fill(buy, '6', { price: '0.55' }));
    expect(await rowOf('SELECT status, average_price::text AS average FROM orders')).toEqual({
      status: 'FILLED',
      average: '0.53',
    });
    expect(await sumsNow()).toMatchObject({ held: '10', cost: '5.3', workingCost: '0', reserved: '0', cash: '-5.4' });

    const sell = await order({ side: 'SELL', price: '0.4', quantity: '5' });
    expect(await sumsNow()).toMatchObject({ selling: '5', workingCost: '0', reserved: '0' });
    await bookFills(fill(sell, '5', { price: '0.4', fee: '0.05' }));
    expect(
      await rowOf('SELECT trim_scale(loss)::text AS loss, trim_scale(fees)::text AS fees FROM daily_results'),
    ).toEqual(
      { loss: '0.8', fees: '0.15' }, // the purchase's fee of 0.1, and 0.65 lost and 0.05 paid by the sale
    );
    expect(await check()).toMatchObject({ postings: 3, positions: 1, differences: [], differenceCount: 0 });
  });

  it('O4 books each fill once, however often and by however many it is told', async () => {
    const buy = await order({ quantity: '20' });
    const told = Array.from({ length: 5 }, () => fill(buy, '4'));
    const answers = await Promise.all(Array.from({ length: 12 }, () => bookFills(...told)));
    expect(answers.reduce((sum, { booked }) => sum + booked, 0)).toBe(5);
    expect(await bookFills(...told, ...told)).toMatchObject({ booked: 0, repeated: 10 });
    expect(await sumsNow()).toMatchObject({ held: '20', cost: '10', cash: '-10' });
    expect(await check()).toMatchObject({ differenceCount: 0 });
  });

  it('O4 one venue trade can fill two of our orders', async () => {
    const [first, second] = [await order(), await order()];
    const shared = { venueTradeId: 'shared' };
    expect(await bookFills(fill(first, '1', shared), fill(second, '2', shared))).toMatchObject({ booked: 2 });
    expect(await sumsNow()).toMatchObject({ held: '3' });
  });

  it('keeps a cancel pending while parts fill, and books what comes after the end without changing the status', async () => {
    const buy = await order();
    await change({ orderId: buy, to: 'CANCEL_PENDING' });
    await bookFills(fill(buy, '2'));
    expect(await statusOf(buy)).toBe('CANCEL_PENDING');
    await change({ orderId: buy, to: 'CANCELED', reason: 'asked for' });
    expect(await sumsNow()).toMatchObject({ buying: '0', workingCost: '0', reserved: '0' });
    const { late } = await bookFills(fill(buy, '3'));
    expect(late).toMatchObject([{ order: { id: buy, status: 'CANCELED' } }]);
    expect(await statusOf(buy)).toBe('CANCELED');
    expect(await sumsNow()).toMatchObject({ held: '5', workingCost: '0' });
    expect(await check()).toMatchObject({ differenceCount: 0 });
  });

  it('refuses what cannot be: more than was ordered, sales of what is not held; nothing is booked then', async () => {
    const buy = await order();
    await expect(bookFills(fill(buy, '6'), fill(buy, '4.00000001'))).rejects.toThrow(/got a fill of 4.00000001 more/);
    const sell = await order({ side: 'SELL' });
    await expect(bookFills(fill(sell, '1'))).rejects.toThrow('1 shares sold where 0 are held');
    expect(await sumsNow()).toMatchObject({ held: '0', cash: '0' });
  });
});

describe('statuses', () => {
  it('O3 change only as the table allows, and only from the version that was seen', async () => {
    const id = await order({}, { status: 'ADMITTED' });
    expect(await change({ orderId: id, to: 'OPEN' })).toMatchObject([{ kind: 'blocked' }]);
    expect(await change({ orderId: id, to: 'SUBMITTED', version: 7 })).toMatchObject([{ kind: 'blocked' }]);
    expect(await change({ orderId: id, to: 'SUBMITTED', version: 1 })).toMatchObject([
      { kind: 'changed', order: { version: 2 } },
    ]);
    expect(await change({ orderId: id, to: 'SUBMITTED' })).toMatchObject([{ kind: 'unchanged' }]);
    expect(await change({ orderId: newId(), to: 'OPEN' })).toEqual([{ kind: 'missing' }]);
    expect(
      await change(
        { orderId: id, to: 'UNKNOWN' },
        { orderId: id, to: 'OPEN', venueOrderId: 'v1' },
        { orderId: id, to: 'EXPIRED' },
        { orderId: id, to: 'CANCELED' },
      ),
    ).toMatchObject([{ kind: 'changed' }, { kind: 'changed' }, { kind: 'changed' }, { kind: 'blocked' }]);
    expect(await rowOf('SELECT status, venue_order_id, version FROM orders')).toEqual({
      status: 'EXPIRED',
      venue_order_id: 'v1',
      version: 5,
    });
  });

  it('O3 of many who change one version at once, one does', async () => {
    const id = await order({}, { status: 'ADMITTED' });
    const results = await Promise.all(
      Array.from({ length: 20 }, () => change({ orderId: id, to: 'SUBMITTED', version: 1 })),
    );
    expect(results.flat().filter(({ kind }) => kind === 'changed')).toHaveLength(1);
  });

  it('O2 leave reserved what an UNKNOWN order may still buy', async () => {
    const id = await order({}, { status: 'SUBMITTED' });
    await change({ orderId: id, to: 'UNKNOWN' });
    expect(await sumsNow()).toMatchObject({ buying: '10', workingCost: '5', reserved: '5' });
  });
});

it('O2 a fill of an UNKNOWN order takes away why it was unknown', async () => {
  const id = await order({}, { status: 'SUBMITTED' });
  await change({ orderId: id, to: 'UNKNOWN', reason: 'NO_ANSWER' });
  await bookFills(fill(id, '4'));
  const reason = () => rowOf('SELECT status, reason FROM orders WHERE id = $1', [id]);
  expect(await reason()).toEqual({ status: 'PARTIALLY_FILLED', reason: null });
  await bookFills(fill(id, '6'));
  expect(await reason()).toEqual({ status: 'FILLED', reason: null });
});

describe('settlement', () => {
  it('closes every position of the market at its payout, once', async () => {
    const yes = await order({ quantity: '10' });
    const no = await order({ outcome: 'NO', strategy: 'beta', quantity: '4', price: '0.3' });
    await bookFills(fill(yes, '10'), fill(no, '4', { price: '0.3' }));
    const settle = () =>
      transact((tx) =>
        ledger().bookSettlement(tx, {
          venue: 'paper',
          account: 'default',
          market: 'm',
          settlementId: 's1',
          settledAt: new Date(),
          payouts: { YES: '1', NO: '0' },
        }),
      );
    expect((await Promise.all([settle(), settle(), settle()])).toSorted((a, b) => a - b)).toEqual([0, 0, 2]);
    const { rows } = await probe.query(
      `SELECT outcome, trim_scale(quantity)::text AS held, trim_scale(realized_pnl)::text AS realized FROM positions ORDER BY outcome`,
    );
    expect(rows).toEqual([
      { outcome: 'NO', held: '0', realized: '-1.2' },
      { outcome: 'YES', held: '0', realized: '5' },
    ]);
    expect(await check()).toMatchObject({ postings: 4, differenceCount: 0 });
  });
});

it('O5 a settlement pays several strategies together what the venue pays for all their shares, to the last digit', async () => {
  const quantities = ['1.0000001', '1.0000001', '1.0000001'];
  for (const [index, quantity] of quantities.entries()) {
    await bookFills(fill(await order({ strategy: `s-${index}`, quantity }), quantity));
  }
  await transact((tx) =>
    ledger().bookSettlement(tx, {
      venue: 'paper',
      account: 'default',
      market: 'm',
      settlementId: 's1',
      settledAt: new Date(),
      payouts: { YES: '0.3333', NO: '0.6667' },
    }),
  );
  // 3.0000003 shares at 0.3333; each alone would be paid 0.33330003, together 0.99990009.
  expect(await rowOf(`SELECT sum(notional)::text AS paid FROM fills WHERE liquidity = 'SETTLEMENT'`)).toEqual({
    paid: '0.99990010',
  });
  expect(await check()).toMatchObject({ differenceCount: 0 });
});

describe('a voided fill', () => {
  it('O4 leaves the position that the others make, and one adjusting entry of today', async () => {
    const buys = [await order({ price: '0.2' }), await order({ price: '0.4' })];
    const [cheap, dear] = [fill(buys[0]!, '10', { price: '0.2' }), fill(buys[1]!, '10', { price: '0.4', fee: '0.5' })];
    await bookFills(cheap, dear);
    const sell = await order({ side: 'SELL', price: '0.1' });
    await bookFills(fill(sell, '10', { price: '0.1' }));
    const voided = { orderId: cheap.orderId, venueTradeId: cheap.venueTradeId };
    const answers = await Promise.all([1, 2, 3].map(() => transact((tx) => ledger().voidFill(tx, voided))));
    expect(answers.filter(Boolean)).toHaveLength(1);
    // Of the dear ones alone: sold 10 that had cost 4 for 1.
    expect(await rowOf('SELECT trim_scale(realized_pnl)::text AS realized, quantity::text FROM positions')).toEqual({
      realized: '-3',
      quantity: '0',
    });
    expect(await rowOf('SELECT trim_scale(loss)::text AS loss FROM daily_results')).toEqual({ loss: '3.5' });
    expect(await check()).toMatchObject({ postings: 4, differenceCount: 0 });
  });

  it('is refused where the others sell more than they bought, with the numbers', async () => {
    const buy = await order();
    const bought = fill(buy, '10');
    await bookFills(bought);
    const sell = await order({ side: 'SELL', quantity: '3' });
    await bookFills(fill(sell, '3'));
    const { orderId, venueTradeId } = bought;
    await expect(transact((tx) => ledger().voidFill(tx, { orderId, venueTradeId }))).rejects.toThrow(
      '3 shares sold where 0 are held',
    );
    expect(await sumsNow()).toMatchObject({ held: '7' });
  });
});

describe('the journal', () => {
  it('O5 takes no posting that does not balance, and no change', async () => {
    const buy = await order();
    await bookFills(fill(buy, '1'));
    await expect(probe.query('UPDATE postings SET cash = cash + 1')).rejects.toThrow(/postings only grows/);
    await expect(probe.query('DELETE FROM postings')).rejects.toThrow(/postings only grows/);
    await expect(
      probe.query(`INSERT INTO postings (kind, mode, venue, account, shares, cash, cost, realized, fees, capital, booked_at)
                   VALUES ('DEPOSIT', 'paper', 'paper', 'default', 0, 1, 0, 0, 0, 0, now())`),
    ).rejects.toThrow(/postings_balance/);
  });

  it('O5 shows every place where the books were changed behind its back', async () => {
    const buy = await order();
    await bookFills(fill(buy, '4'));
    for (const [statement, what] of [
      ['UPDATE positions SET quantity = quantity + 0.00000001', /position .*, quantity/],
      ['UPDATE positions SET working_buy = working_buy - 1', /shares to be bought/],
      ['UPDATE exposures SET held_cost = held_cost + 1', /cost of what is held/],
      ['UPDATE exposures SET working_cost = working_cost + 1', /working buys/],
      ['UPDATE accounts SET cash = cash + 1', /cash of/],
      ['UPDATE accounts SET reserved = reserved + 1', /reserved cash/],
      ['UPDATE daily_results SET fees = fees + 1', /results of all days/],
      ['UPDATE fills SET price = 0.6', /posting \d+, cash/],
      ['DELETE FROM positions', /position .*, quantity/],
    ] as const) {
      await probe.query('BEGIN');
      await probe.query(statement);
      await probe.query('COMMIT');
      const { differences, differenceCount } = await check();
      expect(differenceCount).toBeGreaterThan(0);
      expect(differences.some((difference) => what.test(difference.what))).toBe(true);
    }
  });

  const event = fc.record({
    kind: fc.constantFrom('buy', 'buy', 'sell', 'cancel', 'void', 'settle', 'transfer'),
    price: fc.integer({ min: 1, max: 999 }),
    quantity: fc.integer({ min: 1, max: 500_000 }),
    filled: fc.integer({ min: 1, max: 1000 }),
    outcome: fc.constantFrom('YES', 'NO'),
    strategy: fc.constantFrom('alpha', 'beta'),
  });

  it('O4 O5 rebuilds positions, cash and profit to the last digit after any history', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 5, maxLength: 25 }), async (events) => {
        await probe.query('TRUNCATE postings, fills, orders, positions, exposures, accounts, daily_results CASCADE');
        const booked: NewFill[] = [];
        for (const { kind, price, quantity, filled, outcome, strategy } of events) {
          const exact = { price: (price / 1000).toFixed(3), quantity: (quantity / 7).toFixed(8) };
          if (kind === 'void' && booked.length > 0) {
            const { orderId, venueTradeId } = booked[quantity % booked.length]!;
            await transact((tx) => ledger().voidFill(tx, { orderId, venueTradeId })).catch(() => undefined);
          } else if (kind === 'transfer') {
            const account = { venue: 'paper', account: 'default', mode: 'paper' } as const;
            const cash = amount(exact.quantity).times(filled % 2 === 0 ? 1 : -1);
            await transact(async (tx) => {
              await ledger().openAccount(tx, { ...account, cash });
              await ledger().bookTransfer(tx, account, cash);
            });
          } else if (kind === 'settle') {
            const payouts = { YES: exact.price, NO: (1 - price / 1000).toFixed(3) };
            const what = {
              venue: 'paper',
              account: 'default',
              market: 'm',
              settlementId: newId(),
              settledAt: new Date(),
            };
            await transact((tx) => ledger().bookSettlement(tx, { ...what, payouts }));
          } else {
            const side = kind === 'sell' ? 'SELL' : 'BUY';
            const id = await order({ ...exact, side, outcome, strategy }, { feeReserve: '0.01' });
            const part = ((quantity / 7) * (filled / 1000)).toFixed(8);
            const parts = fill(id, part === '0.00000000' ? '0.00000001' : part, { price: exact.price, fee: '0.00123' });
            const done = await bookFills(parts).catch(() => undefined);
            if (done !== undefined) booked.push(parts);
            if (kind === 'cancel' && (await statusOf(id)) !== 'FILLED') await change({ orderId: id, to: 'CANCELED' });
          }
        }
        expect((await check()).differences).toEqual([]);
      }),
      { numRuns: 12 },
    );
  }, 120_000);
});
