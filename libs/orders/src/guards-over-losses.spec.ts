import { Transactions } from '@interlock/persistence';
import { RiskWatch, SetRiskLimits } from '@interlock/risk-guards';
import { MarketQuotes } from '@interlock/venues';
import { CommandBus } from '@nestjs/cqrs';
import type { TestingModule } from '@nestjs/testing';
import { Client } from 'pg';
import { orderRequest } from '../../../test/support/order-request.js';
import { eventually } from '../../../test/support/eventually.js';
import { startOrders } from '../../../test/support/orders-module.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/test-database.js';
import { type PlaceOrderResult, PlaceOrders } from './place-orders.js';

let database: TestDatabase;
let module: TestingModule;
let probe: Client;

beforeEach(async () => {
  database = await createTestDatabase();
  module = await startOrders(database.url, { AUTO_KILL_SWITCH_ENABLED: 'false' });
  probe = new Client({ connectionString: database.url });
  await probe.connect();
  await probe.query(
    `INSERT INTO venue_conditions (venue, state, reconciled_at, updated_at) VALUES ('paper', 'OPEN', now(), 'infinity')`,
  );
  await probe.query(`INSERT INTO accounts (venue, mode, cash) VALUES ('paper', 'paper', 10000)`);
  await probe.query(
    `INSERT INTO market_quotes (venue, market, outcome, best_bid, best_bid_quantity, best_ask, best_ask_quantity, tick, minimum_quantity,
                                status, rules, fee_rate, fee_exponent, updated_at)
     VALUES ('paper', 'm', 'YES', 0.5, 100, 0.52, 100, 0.01, 5, 'OPEN', 'free', 0, 1, clock_timestamp())`,
  );
});

afterEach(async () => {
  await probe.end();
  await module.close();
  await database.drop();
});

const bid = (price: string) => probe.query('UPDATE market_quotes SET best_bid = $1', [price]);
const limit = (rule: 'drawdown' | 'totalDailyLoss', value: string) =>
  module
    .get(CommandBus)
    .execute(new SetRiskLimits([{ rule, scope: 'global', limit: value }], 'for the test', 'tester'));
const watch = () => module.get(RiskWatch).look();

/** Shares of alpha that cost 0.5 each. */
const hold = (quantity: string) =>
  probe.query(
    `WITH p AS (INSERT INTO positions (strategy, venue, market, outcome, mode, quantity, cost_basis)
       VALUES ('alpha', 'paper', 'm', 'YES', 'paper', $1::numeric, $1::numeric * 0.5))
     INSERT INTO exposures (mode, strategy, held_cost) VALUES ('paper', 'alpha', $1::numeric * 0.5)`,
    [quantity],
  );

async function buy(strategy = 'alpha'): Promise<string> {
  const orders = [orderRequest({ strategy, price: '0.4' })];
  const [result] = await module
    .get(CommandBus)
    .execute<PlaceOrders, PlaceOrderResult[]>(new PlaceOrders(orders, 'tester'));
  return result?.kind === 'refused' ? result.refusal.code : (result?.kind ?? 'nothing');
}

describe('losses with open positions at the bid', () => {
  it('G1 are of one instant: a sale that is booked meanwhile hides nothing', async () => {
    await hold('20');
    await bid('0.1'); // 8 lost, not realised yet
    await limit('totalDailyLoss', '5');
    expect(await buy()).toBe('RISK_LIMIT_EXCEEDED');

    // Holds the guards' reading up after its first statement, as a busy machine would.
    await probe.query('BEGIN');
    await probe.query('LOCK TABLE venue_conditions IN ACCESS EXCLUSIVE MODE');
    const verdict = buy();
    const books = new Client({ connectionString: database.url });
    await books.connect();
    await eventually('the guards read', async () => {
      const { rows } = await books.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return rows[0];
    });
    await books.query(
      `WITH sold AS (UPDATE positions SET quantity = 0, cost_basis = 0, realized_pnl = -8)
       INSERT INTO daily_results (mode, day, strategy, realized, loss) VALUES ('paper', risk_day_of(clock_timestamp()), 'alpha', -8, 8)`,
    );
    await books.end();
    await probe.query('ROLLBACK');
    expect(await verdict).toBe('RISK_LIMIT_EXCEEDED');
  });

  it('are those at the last bid once a market has closed, until its settlement is booked', async () => {
    await hold('20');
    await limit('totalDailyLoss', '5');
    const quote = {
      venue: 'paper',
      market: 'm',
      outcome: 'YES',
      tick: '0.01',
      minimumQuantity: '5',
      closesAt: null,
    } as const;
    const fees = { rules: 'free', feeRate: '0', feeExponent: 1 } as const;
    const show = (bestBid: string | null, status: 'OPEN' | 'CLOSED') =>
      module.get(Transactions).run((tx) =>
        module.get(MarketQuotes).store(tx, [
          {
            ...quote,
            fees,
            status,
            bestBid,
            bestBidQuantity: bestBid && '100',
            bestAsk: '0.52',
            bestAskQuantity: '100',
          },
        ]),
      );
    await show('0.4', 'OPEN');
    expect(await buy()).toBe('admitted');
    await show(null, 'CLOSED');
    expect(await buy()).toBe('MARKET_CLOSED'); // and not that too much was lost
    // Open, and nobody bids: worth nothing.
    await show(null, 'OPEN');
    expect(await buy()).toBe('RISK_LIMIT_EXCEEDED');
  });

  it('may have as many decimals as they like', async () => {
    await hold('10.12345678');
    await bid('0.333');
    await limit('drawdown', '5');
    await limit('totalDailyLoss', '5');
    expect(await buy()).toBe('admitted');
  });
});

describe("the day's high", () => {
  it('is what was reached at any time, whether or not an order came just then', async () => {
    await hold('20');
    await limit('drawdown', '3');
    await watch();
    await bid('0.7');
    await watch();
    await bid('0.56');
    expect(await buy()).toBe('admitted'); // 2.8 below the high
    await bid('0.55');
    expect(await buy()).toBe('DRAWDOWN_EXCEEDED');
  });

  it('begins each day with what is held then: what was lost before is no loss of today', async () => {
    await hold('20');
    await bid('0.2'); // 6 lost, yesterday
    await limit('drawdown', '3');
    await watch();
    expect(await buy()).toBe('admitted');
    await bid('0.05');
    await watch();
    expect(await buy()).toBe('DRAWDOWN_EXCEEDED');
  });

  it('of a strategy that began to trade today is no lower than nothing', async () => {
    await watch();
    await hold('20');
    await bid('0.3');
    await watch();
    const { rows } = await probe.query(
      `SELECT strategy, trim_scale(high)::text AS high FROM day_highs WHERE mode = 'paper' ORDER BY strategy`,
    );
    expect(rows).toEqual([
      { strategy: '', high: '0' },
      { strategy: 'alpha', high: '0' },
    ]);
  });
});
