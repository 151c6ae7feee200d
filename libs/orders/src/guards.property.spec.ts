import { newId, Transactions, amount } from '@interlock/persistence';
import { SetRiskLimits } from '@interlock/risk-guards';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { TestingModule } from '@nestjs/testing';
import * as fc from 'fast-check';
import { Client } from 'pg';
import { startOrders } from '../../../test/support/orders-module.js';
import { ReferenceBooks, type ReferenceOrder, UNIT } from '../../../test/support/reference-books.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/test-database.js';
import { CheckLedger } from './check-ledger.js';
import { Ledger } from './ledger/ledger.js';
import { type OrderRequest, type PlaceOrderResult, PlaceOrders } from './place-orders.js';

/** Each history has up to 60 steps, of which about half place one to four orders. */
const HISTORIES = Number(process.env['INTERLOCK_GUARD_HISTORIES'] ?? 8);
const CASH = 100n * UNIT;
const CENT = UNIT / 100n;

let database: TestDatabase;
let module: TestingModule;
let probe: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  // Far from midnight, at which the day's losses begin anew.
  const hour = new Date().getUTCHours();
  const timezone = hour === 23 || hour === 0 ? 'Asia/Tokyo' : 'UTC';
  module = await startOrders(database.url, { RISK_DAY_TIMEZONE: timezone });
  probe = new Client({ connectionString: database.url });
  await probe.connect();
});

afterAll(async () => {
  await probe.end();
  await module.close();
  await database.drop();
});

const transact = <T>(work: (ledger: Ledger, tx: Parameters<Parameters<Transactions['run']>[0]>[0]) => Promise<T>) =>
  module.get(Transactions).run((tx) => work(module.get(Ledger), tx));

async function begin(): Promise<void> {
  await probe.query(`TRUNCATE postings, fills, orders, positions, exposures, accounts, daily_results, admissions, admission_counters,
    venue_conditions, market_quotes, losing_streaks, day_highs, ops_events CASCADE`);
  await probe.query('DELETE FROM risk_limits; DELETE FROM risk_limits_off; UPDATE risk_limits_version SET version = 1');
  await probe.query(
    `INSERT INTO venue_conditions (venue, state, reconciled_at, updated_at) VALUES ('paper', 'OPEN', now(), 'infinity')`,
  );
  await probe.query(
    `INSERT INTO market_quotes (venue, market, outcome, tick, minimum_quantity, status, rules, fee_rate, fee_exponent, updated_at)
     SELECT 'paper', market, 'YES', 0.01, 5, 'OPEN', 'free', 0, 1, clock_timestamp() FROM unnest('{m,n}'::text[]) AS market`,
  );
  await transact((ledger, tx) =>
    ledger.openAccount(tx, { venue: 'paper', account: 'default', mode: 'paper', cash: amount(textOf(CASH)) }),
  );
}

const strategy = fc.constantFrom('alpha', 'beta');
const market = fc.constantFrom('m', 'n');
const cents = (max: number) => fc.integer({ min: 1, max }).map((value) => BigInt(value) * CENT);
const order: fc.Arbitrary<ReferenceOrder> = fc.record({
  strategy,
  market,
  side: fc.constantFrom('BUY', 'BUY', 'SELL'),
  // Some of them no multiple of the tick, some without a price.
  price: fc.oneof(
    { weight: 12, arbitrary: cents(99) },
    { weight: 1, arbitrary: fc.constant(CENT + 1n) },
    { weight: 1, arbitrary: fc.constant(null) },
  ),
  quantity: fc.oneof({ weight: 10, arbitrary: cents(6_000) }, { weight: 3, arbitrary: fc.constant(5n * UNIT) }),
  reduceOnly: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
});
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('place'), orders: fc.array(order, { minLength: 1, maxLength: 4 }) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('fill'),
      which: fc.nat(),
      share: fc.integer({ min: 1, max: 100 }),
      price: cents(100),
      fee: cents(20),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cancel'), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('void'), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('settle'), market, payout: cents(100) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('minute') }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('limit'),
      limit: fc.constantFrom(
        ['orderRate', 12],
        ['openOrders', 8],
        ['dailyLoss', 60],
        ['position', 300],
        ['exposure', 200],
        ['orderQuantity', 60],
        ['orderValue', 40],
      ),
      scope: fc.constantFrom('global', 'mode:paper', 'strategy:alpha', 'venue:paper', 'market:m'),
      parts: fc.integer({ min: 0, max: 10 }),
      isTakenAway: fc.boolean(),
    }),
  },
) as fc.Arbitrary<Step>;

type Step =
  | { kind: 'place'; orders: ReferenceOrder[] }
  | { kind: 'fill'; which: number; share: number; price: bigint; fee: bigint }
  | { kind: 'cancel' | 'void'; which: number }
  | { kind: 'settle'; market: string; payout: bigint }
  | { kind: 'minute' }
  | { kind: 'limit'; limit: [rule: string, most: number]; scope: string; parts: number; isTakenAway: boolean };

/** The scopes that these rules do not have. */
const SUMS_ONLY = new Set(['dailyLoss', 'exposure']);

class History {
  readonly books = new ReferenceBooks(CASH);
  private voidable: { id: string; orderId: string }[] = [];
  judged = 0;

  async take(next: Step): Promise<void> {
    switch (next.kind) {
      case 'place':
        return this.place(next.orders);
      case 'fill':
        return this.fill(next);
      case 'cancel':
        return this.cancel(pick(this.books.working, next.which)?.id);
      case 'void':
        return this.void(pick(this.voidable, next.which));
      case 'settle':
        return this.settle(next.market, next.payout);
      case 'limit':
        return this.limit(next);
      case 'minute':
        // As if what was admitted had been admitted a minute earlier.
        await probe.query(`UPDATE admissions SET at = at - interval '61 seconds'`);
        await probe.query(
          `UPDATE admission_counters SET newest_at = newest_at - interval '61 seconds', oldest_at = oldest_at - interval '61 seconds'`,
        );
        this.books.aMinutePasses();
    }
  }

  private async place(orders: readonly ReferenceOrder[]): Promise<void> {
    const results: PlaceOrderResult[] = await module
      .get(CommandBus)
      .execute(new PlaceOrders(orders.map(requestOf), 'tester'));
    for (const [index, wanted] of orders.entries()) {
      const result = results[index];
      const { limits, books } = this.books.forbid(wanted);
      // Limits come before what the market and the books say.
      const allowed = limits.length > 0 ? limits : books.length > 0 ? books : ['admitted'];
      const answer = result?.kind === 'refused' ? result.refusal.code : String(result?.kind);
      if (!allowed.includes(answer))
        throw new Error(`answered ${answer}, where the plain books say ${allowed.join(' or ')}`);
      if (result?.kind === 'admitted') this.books.admit(result.order.orderId, wanted);
      this.judged++;
    }
  }

  private async fill({ which, share, price, fee }: Extract<Step, { kind: 'fill' }>): Promise<void> {
    const filled = pick(this.books.working, which);
    if (filled === undefined) return;
    const quantity = (filled.left * BigInt(share)) / 100n || filled.left;
    const limit = filled.price ?? price;
    // Never worse than the limit.
    const paid = filled.side === 'BUY' ? (price < limit ? price : limit) : price > limit ? price : limit;
    const trade = { id: newId(), price: paid, quantity, fee };
    const told = {
      orderId: filled.id,
      venueTradeId: trade.id,
      price: textOf(paid),
      quantity: textOf(quantity),
      fee: textOf(fee),
      liquidity: 'TAKER',
      finality: 'PROVISIONAL',
      executedAt: new Date(),
    } as const;
    await transact(async (ledger, tx) => {
      await ledger.changeStatus(tx, [{ orderId: filled.id, to: 'SUBMITTED' }]);
      await ledger.bookFills(tx, [told]);
    });
    this.books.fill(filled, trade);
    this.voidable.push({ id: trade.id, orderId: filled.id });
  }

  private async cancel(orderId: string | undefined): Promise<void> {
    if (orderId === undefined) return;
    await transact((ledger, tx) => ledger.changeStatus(tx, [{ orderId, to: 'CANCELED' }]));
    this.books.end(orderId);
  }

  private async void(trade: { id: string; orderId: string } | undefined): Promise<void> {
    if (trade === undefined) return;
    const voiding = transact((ledger, tx) => ledger.voidFill(tx, { orderId: trade.orderId, venueTradeId: trade.id }));
    if (this.books.void(trade.id)) {
      await voiding;
      this.voidable = this.voidable.filter((one) => one !== trade);
    } else {
      const failure = await voiding.then(String, (error: Error) => error.name);
      if (failure !== 'Oversold')
        throw new Error(`voided (${failure}), where the plain books sell more than they hold`);
    }
  }

  private async settle(of: string, payout: bigint): Promise<void> {
    for (const { id } of this.books.working.filter((one) => one.market === of)) await this.cancel(id);
    const settlementId = newId();
    await transact((ledger, tx) =>
      ledger.bookSettlement(tx, {
        venue: 'paper',
        account: 'default',
        market: of,
        settlementId,
        settledAt: new Date(),
        payouts: { YES: textOf(payout) },
      }),
    );
    this.books.settle(of, payout, settlementId);
  }

  private async limit({ limit: [rule, most], scope, parts, isTakenAway }: Extract<Step, { kind: 'limit' }>) {
    if (SUMS_ONLY.has(rule) && (scope.startsWith('venue:') || scope.startsWith('market:'))) return;
    const value = isTakenAway ? null : Math.floor((most * parts) / 10);
    const change = { rule: rule as 'position', scope, limit: value === null ? null : String(value) };
    await module.get(CommandBus).execute(new SetRiskLimits([change], 'for the test', 'tester'));
    if (value === null) this.books.limits.delete(`${rule} ${scope}`);
    else this.books.limits.set(`${rule} ${scope}`, BigInt(value) * UNIT);
  }
}

it('G1 judges every order of a long history as plain books do that add everything up anew', async () => {
  let judged = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60, size: 'max' }), async (steps) => {
      await begin();
      const history = new History();
      for (const next of steps) await history.take(next);
      await samePositions(history.books);
      expect((await module.get(QueryBus).execute(new CheckLedger())).differences).toEqual([]);
      judged += history.judged;
    }),
    { numRuns: HISTORIES },
  );
  expect(judged).toBeGreaterThan(HISTORIES * 10);
}, 300_000);

async function samePositions(books: ReferenceBooks): Promise<void> {
  const { rows } = await probe.query<
    { strategy: string; market: string } & Record<'quantity' | 'cost' | 'realized' | 'fees', string>
  >(
    `SELECT strategy, market, quantity::text, cost_basis::text AS cost, realized_pnl::text AS realized, fees::text FROM positions`,
  );
  for (const { strategy: whose, market: where, ...stored } of rows) {
    const { quantity, cost, realized, fees } = books.position(whose, where);
    const texts = [stored.quantity, stored.cost, stored.realized, stored.fees].map((text) => amount(text).toFixed());
    expect(texts).toEqual([quantity, cost, realized, fees].map((units) => amount(textOf(units)).toFixed()));
  }
}

function requestOf({ price, quantity, ...rest }: ReferenceOrder): OrderRequest {
  return {
    ...rest,
    venue: 'paper',
    outcome: 'YES',
    type: price === null ? 'market' : 'limit',
    price: price === null ? null : textOf(price),
    quantity: textOf(quantity),
    timeInForce: price === null ? 'IOC' : 'GTC',
    expiresAt: null,
    postOnly: false,
    clientOrderId: null,
  };
}

function textOf(units: bigint): string {
  const digits = (units < 0n ? -units : units).toString().padStart(9, '0');
  return `${units < 0n ? '-' : ''}${digits.slice(0, -8)}.${digits.slice(-8)}`;
}

function pick<T>(items: readonly T[], which: number): T | undefined {
  return items[which % items.length];
}
