import { ToggleKillSwitch } from '@interlock/kill-switch';
import { newId, Transactions } from '@interlock/persistence';
import { AutoKillSwitch, RiskDays, RiskWatch } from '@interlock/risk-guards';
import { CommandBus } from '@nestjs/cqrs';
import type { TestingModule } from '@nestjs/testing';
import { Client } from 'pg';
import { startRiskGuards } from '../support/risk-guards-module.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;
let replicas: TestingModule[];
let probe: Client;

const SETTINGS = {
  RISK_MAX_DAILY_LOSS: '100',
  AUTO_KILL_SWITCH_MAX_TOTAL_DAILY_LOSS: '50',
  VENUE_SILENT_MS: '30000',
  MARKET_DATA_LOST_MS: '60000',
};

beforeAll(async () => {
  database = await createTestDatabase();
  replicas = await Promise.all([startRiskGuards(database.url, SETTINGS), startRiskGuards(database.url, SETTINGS)]);
  probe = new Client({ connectionString: database.url });
  await probe.connect();
});

afterAll(async () => {
  await probe.end();
  await Promise.all(replicas.map((module) => module.close()));
  await database.drop();
});

beforeEach(() =>
  probe.query(`TRUNCATE auto_kill_switch_signs, auto_kill_switch_trips, kill_switches, ops_events, daily_results, positions, orders,
    market_quotes, venue_conditions CASCADE; DELETE FROM risk_limits WHERE rule = 'totalDailyLoss'`),
);

/** Both processes look at the same time. */
async function look(): Promise<number> {
  const tripped = await Promise.all(replicas.map((module) => module.get(RiskWatch).look()));
  return tripped.reduce((sum, one) => sum + one, 0);
}

/** As if what is seen had been seen for so much longer. */
const lasts = (seconds: number) =>
  probe.query(`UPDATE auto_kill_switch_signs SET since = since - $1 * interval '1 s'`, [seconds]);

const venue = (state: string, name = 'paper') =>
  probe.query(
    `INSERT INTO venue_conditions (venue, state, message, updated_at) VALUES ($1, $2, 'the connection was refused', 'infinity')
     ON CONFLICT (venue, account) DO UPDATE SET state = excluded.state`,
    [name, state],
  );

/** 100 shares that cost 60. */
const hold = (name = 'paper', mode = 'paper', market = 'm') =>
  probe.query(
    `INSERT INTO positions (strategy, venue, market, outcome, mode, quantity, cost_basis) VALUES ('alpha', $1, $3, 'YES', $2, 100, 60)`,
    [name, mode, market],
  );

const quote = (bid: string | null, { seconds = 0, status = 'OPEN', market = 'm' } = {}) =>
  probe.query(
    `INSERT INTO market_quotes (venue, market, outcome, best_bid, best_bid_quantity, tick, minimum_quantity, status, rules, fee_rate,
                                fee_exponent, updated_at)
     VALUES ('paper', $4, 'YES', $1::numeric, CASE WHEN $1::numeric IS NOT NULL THEN 1 END, 0.01, 1, $3, 'free', 0, 1,
             clock_timestamp() - $2 * interval '1 s')
     ON CONFLICT (venue, market, outcome) DO UPDATE SET best_bid = excluded.best_bid, status = excluded.status,
       best_bid_quantity = excluded.best_bid_quantity, updated_at = excluded.updated_at`,
    [bid, seconds, status, market],
  );

const order = (status: string) =>
  probe.query(
    `INSERT INTO orders (id, strategy, mode, venue, market, outcome, side, type, price, quantity, time_in_force, post_only, reduce_only,
                         status)
     VALUES ($1, 'alpha', 'paper', 'paper', 'm', 'YES', 'BUY', 'limit', 0.5, 10, 'GTC', false, false, $2)`,
    [newId(), status],
  );

async function halted(): Promise<string[]> {
  const { rows } = await probe.query<{ scope: string }>(
    `SELECT scope FROM kill_switches WHERE enabled AND level = 'halt' AND updated_by = 'auto-kill-switch' ORDER BY scope`,
  );
  return rows.map(({ scope }) => scope);
}

async function triggered(): Promise<{ reason: string; details: Record<string, unknown> }[]> {
  const { rows } = await probe.query<{ reason: string; details: Record<string, unknown> }>(
    `SELECT reason, details FROM ops_events WHERE event = 'auto_kill_switch_triggered' ORDER BY id`,
  );
  return rows;
}

const release = (scope: 'venue:paper' | 'mode:paper' | 'global') =>
  replicas[0]!
    .get(CommandBus)
    .execute(new ToggleKillSwitch({ scope, enabled: false, level: 'halt' }, { name: 'rita', role: 'risk-officer' }));

const lose = (loss: string) =>
  replicas[0]!
    .get(Transactions)
    .run((tx) =>
      replicas[0]!.get(RiskDays).book(tx, [{ mode: 'paper', strategy: 'alpha', realizedPnl: `-${loss}`, fee: '0' }]),
    );

describe('a venue that falls silent', () => {
  it('halts that venue once it has been so for long enough while orders work there', async () => {
    await venue('UNREACHABLE');
    await order('OPEN');
    expect(await look()).toBe(0);
    await lasts(15);
    expect(await look()).toBe(0);
    await lasts(15);
    expect(await look()).toBe(1);
    expect(await halted()).toEqual(['venue:paper']);
    expect(await triggered()).toMatchObject([
      {
        reason: expect.stringMatching(
          /^paper has been out of reach for 3\d s \(limit 30000 ms\) with 1 working orders/,
        ),
        details: {
          rule: 'venueHeartbeat',
          scope: 'venue:paper',
          limit: '30000',
          message: 'the connection was refused',
          orders: 1,
          positions: 0,
        },
      },
    ]);
  });

  it('counts also while shares are held, and not when nothing is at stake', async () => {
    await venue('UNREACHABLE');
    await order('FILLED');
    await look();
    await lasts(60);
    expect(await look()).toBe(0);
    await hold();
    await quote('0.6');
    await look();
    await lasts(31);
    expect(await look()).toBe(1);
    expect(await triggered()).toMatchObject([{ details: { orders: 0, positions: 1 } }]);
  });

  it('begins anew when the venue was back in between, and when nobody has watched', async () => {
    await venue('UNREACHABLE');
    await order('UNKNOWN');
    await look();
    await lasts(29);
    await venue('OPEN');
    await look();
    await venue('UNREACHABLE');
    await look();
    await lasts(2);
    expect(await look()).toBe(0);
    await lasts(60);
    await probe.query(`UPDATE auto_kill_switch_signs SET seen_at = seen_at - interval '30 s'`);
    expect(await look()).toBe(0);
  });

  it('trips again only after a release, while other venues go on', async () => {
    await venue('OPEN', 'exchange');
    await venue('UNREACHABLE');
    await order('OPEN');
    await look();
    await lasts(31);
    for (let round = 0; round < 5; round++) await look();
    expect(await triggered()).toHaveLength(1);
    await release('venue:paper');
    expect(await look()).toBe(1);
    expect(await halted()).toEqual(['venue:paper']);
    expect(await triggered()).toHaveLength(2);
  });

  it('a venue that no worker looks after is one out of reach', async () => {
    await venue('OPEN');
    await probe.query(`UPDATE venue_conditions SET updated_at = now() - interval '16 s'`);
    await order('OPEN');
    await look();
    await lasts(31);
    expect(await look()).toBe(1);
    expect(await triggered()).toMatchObject([{ details: { message: 'no worker looks after it' } }]);
  });
});

describe('quotes that do not come any more', () => {
  it('halt their venue when something is held or ordered there', async () => {
    await venue('OPEN');
    await quote('0.6', { seconds: 40 });
    await hold();
    expect(await look()).toBe(0);
    await quote('0.6', { seconds: 61 });
    expect(await look()).toBe(1);
    expect(await halted()).toEqual(['venue:paper']);
    expect(await triggered()).toMatchObject([
      { details: { rule: 'marketData', scope: 'venue:paper', limit: '60000', quotes: 1, oldest: 'm YES' } },
    ]);
  });

  it('do not where the market does not trade, nothing is at stake, or nobody looks after the venue', async () => {
    await quote('0.6', { seconds: 100 });
    await hold('paper');
    expect(await look()).toBe(0);
    await venue('OPEN');
    await quote('0.6', { seconds: 100, status: 'PAUSED' });
    await quote('0.6', { seconds: 100, market: 'other' });
    expect(await look()).toBe(0);
  });
});

describe('losses', () => {
  it('G0 of open positions at the bid halt their mode once they have lasted for a second, with the numbers', async () => {
    await hold();
    await quote('0.15'); // 60 − 15 = 45
    await lose('4.99');
    expect(await look()).toBe(0);
    await lose('0.01');
    expect(await look()).toBe(0); // as much as the limit, but one reading is no proof
    await lasts(1);
    expect(await look()).toBe(1);
    expect(await halted()).toEqual(['mode:paper']);
    expect(await triggered()).toMatchObject([
      {
        reason: "today's losses with open positions at the bid are 50 (limit 50), mode:paper",
        details: { rule: 'totalDailyLoss', scope: 'mode:paper', current: '50', limit: '50', realized: '5' },
      },
    ]);
    await release('mode:paper');
    await lasts(5);
    expect(await look()).toBe(0); // once a day
  });

  it('one bad tick trips nothing, however often one comes', async () => {
    await hold();
    for (let round = 0; round < 4; round++) {
      await quote('0.01');
      expect(await look()).toBe(0);
      await quote('0.6');
      await look();
      await lasts(1);
    }
    expect(await halted()).toEqual([]);
  });

  it('go by the tightest limit of the whole mode', async () => {
    await probe.query(
      `INSERT INTO risk_limits (rule, scope, value, source) VALUES ('totalDailyLoss', 'mode:paper', 20, 'person')`,
    );
    await hold();
    await quote('0.4');
    await look();
    await lasts(1);
    expect(await look()).toBe(1);
    expect(await triggered()).toMatchObject([{ details: { current: '20', limit: '20' } }]);
  });

  it('that cannot be told trip nothing', async () => {
    await hold('mock', 'mock'); // without a quote
    await look();
    await lasts(10);
    expect(await look()).toBe(0);
  });

  it('that bookings bring halt everything, once with those that a run’s end finds', async () => {
    await lose('100');
    expect(await look()).toBe(1);
    expect(await halted()).toEqual(['global']);
    await release('global');
    const run = { runId: newId(), mode: 'paper', strategy: 'alpha', pipeline: 'calibration', durationMs: 10 } as const;
    const automatic = replicas[1]!.get(AutoKillSwitch);
    await replicas[1]!.get(Transactions).run((tx) => automatic.observeRunEnd(tx, { ...run, status: 'COMPLETED' }));
    await automatic.carryOutTrips();
    expect(await look()).toBe(0);
    expect((await triggered()).map(({ details }) => details['rule'])).toEqual(['dailyLoss']);
  });
});
