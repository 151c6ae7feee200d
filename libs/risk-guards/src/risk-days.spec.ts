import { Transactions } from '@interlock/persistence';
import { QueryBus } from '@nestjs/cqrs';
import type { TestingModule } from '@nestjs/testing';
import { Client } from 'pg';
import { startRiskGuards } from '../../../test/support/risk-guards-module.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/test-database.js';
import { GetRisk } from './get-risk.js';
import { RiskDays } from './risk-days.js';

const LIMITS = { RISK_MAX_DAILY_LOSS: '100', ORDER_RATE_LIMIT_PER_MIN: '30' };

let database: TestDatabase;
let module: TestingModule;
let probe: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  module = await startRiskGuards(database.url, LIMITS);
  probe = new Client({ connectionString: database.url });
  await probe.connect();
});

afterAll(async () => {
  await probe.end();
  await module.close();
  await database.drop();
});

beforeEach(async () => {
  await probe.query(
    `TRUNCATE postings, fills, daily_results, exposures, admissions, admission_counters CASCADE; UPDATE risk_day SET timezone = 'UTC'`,
  );
});

const adopt = (timezone: string, now?: string): Promise<string> =>
  module
    .get(Transactions)
    .run((tx) => module.get(RiskDays).adopt(tx, timezone, now === undefined ? null : new Date(now)));

async function dayOf(timezone: string, instant: string): Promise<string> {
  await probe.query('UPDATE risk_day SET timezone = $1', [timezone]);
  const { rows } = await probe.query<{ day: string }>('SELECT risk_day_of($1)::text AS day', [instant]);
  return rows[0]!.day;
}

/** A settlement with this result, booked at this instant, in the journal. */
async function fill(bookedAt: string, realizedPnl: string, { fee = '0', strategy = 'alpha' } = {}): Promise<void> {
  await probe.query(SETTLEMENT, [strategy, fee, realizedPnl, bookedAt]);
}

const SETTLEMENT = `
  WITH settled AS (
    INSERT INTO fills (id, strategy, mode, venue, venue_trade_id, market, outcome, side, price, quantity, notional, fee,
                       liquidity, finality, realized_pnl, executed_at, booked_at)
    VALUES (gen_random_uuid(), $1, 'mock', 'mock', gen_random_uuid()::text, 'm', 'YES', 'SELL', 0, 1, 0, $2,
            'SETTLEMENT', 'FINAL', $3, $4, $4)
    RETURNING *)
  INSERT INTO postings (kind, fill_id, mode, venue, account, strategy, market, outcome, shares, cash, cost, realized, fees, capital,
                        booked_at)
  SELECT 'SETTLEMENT', id, mode, venue, account, strategy, market, outcome, -1, -fee, realized_pnl, -realized_pnl, fee, 0, booked_at
  FROM settled`;

/** Counts the journal on days in UTC, as bookings do. */
const counted = () =>
  probe.query(`INSERT INTO daily_results (mode, day, strategy, realized, fees, loss)
    SELECT mode, (booked_at AT TIME ZONE 'UTC')::date, strategy, -sum(realized), sum(fees), sum(greatest(fees + realized, 0))
    FROM postings GROUP BY 1, 2, 3`);

const results = async (): Promise<unknown[]> =>
  (await probe.query('SELECT day::text, strategy, realized, fees, loss FROM daily_results ORDER BY day, strategy'))
    .rows;

describe('the day of a result', () => {
  it.each([
    ['UTC', '2025-06-30T23:59:59.999999Z', '2025-06-30'],
    ['UTC', '2025-07-01T00:00:00Z', '2025-07-01'],
    ['America/New_York', '2025-07-01T03:59:59Z', '2025-06-30'],
    ['America/New_York', '2025-07-01T04:00:00Z', '2025-07-01'],
    ['America/New_York', '2025-01-01T04:59:59Z', '2024-12-31'],
    ['America/New_York', '2025-01-01T05:00:00Z', '2025-01-01'],
    // Clocks go forward on 2025-03-09 and back on 2025-11-02: days of 23 and 25 hours.
    ['America/New_York', '2025-03-09T04:59:59Z', '2025-03-08'],
    ['America/New_York', '2025-03-09T05:00:00Z', '2025-03-09'],
    ['America/New_York', '2025-03-10T03:59:59Z', '2025-03-09'],
    ['America/New_York', '2025-11-02T04:00:00Z', '2025-11-02'],
    ['America/New_York', '2025-11-03T04:59:59Z', '2025-11-02'],
    ['America/New_York', '2025-11-03T05:00:00Z', '2025-11-03'],
    // Midnight happens twice in Havana: at 04:00 and, clocks put back from 01:00 to 00:00, at 05:00.
    ['America/Havana', '2025-11-02T03:59:59Z', '2025-11-01'],
    ['America/Havana', '2025-11-02T04:00:00Z', '2025-11-02'],
    ['America/Havana', '2025-11-02T05:30:00Z', '2025-11-02'],
    ['Pacific/Kiritimati', '2025-07-01T10:00:00Z', '2025-07-02'],
  ])('in %s is at %s the %s', async (timezone, instant, day) => {
    expect(await dayOf(timezone, instant)).toBe(day);
  });
});

describe('booking', () => {
  it('adds negative results to the loss, fee included, and takes nothing away for positive ones', async () => {
    const days = module.get(RiskDays);
    await module.get(Transactions).run(async (tx) => {
      for (const [realizedPnl, fee] of [
        ['-10.5', '0.25'],
        ['20', '0.5'],
        ['0.1', '0.30000001'],
      ] as const) {
        await days.book(tx, [{ mode: 'mock', strategy: 'alpha', realizedPnl, fee }]);
      }
      await days.book(tx, [
        { mode: 'mock', strategy: 'beta', realizedPnl: '-1', fee: '0' },
        { mode: 'paper', strategy: 'alpha', realizedPnl: '-70', fee: '0' },
        { mode: 'paper', strategy: 'alpha', realizedPnl: '-7', fee: '0' },
      ]);
    });
    const { rows } = await probe.query(
      `SELECT mode, strategy, realized, fees, loss FROM daily_results
       WHERE day = (clock_timestamp() AT TIME ZONE 'UTC')::date ORDER BY mode, strategy`,
    );
    expect(rows).toEqual([
      { mode: 'mock', strategy: 'alpha', realized: '9.6', fees: '1.05000001', loss: '10.95000001' },
      { mode: 'mock', strategy: 'beta', realized: '-1', fees: '0', loss: '1' },
      { mode: 'paper', strategy: 'alpha', realized: '-77', fees: '0', loss: '77' },
    ]);
  });

  it('refuses what is no amount', async () => {
    const book = (realizedPnl: string) =>
      module
        .get(Transactions)
        .run((tx) => module.get(RiskDays).book(tx, [{ mode: 'mock', strategy: 'alpha', realizedPnl, fee: '0' }]));
    await expect(book('NaN')).rejects.toThrow(/amount/);
    await expect(book('-Infinity')).rejects.toThrow(/amount/);
    await expect(book('-0.000000001')).rejects.toThrow(/amount/);
  });
});

describe('a change of the time zone', () => {
  it('rebuilds yesterday and today from the journal, and leaves earlier days as they were', async () => {
    // 2025-07-01 01:00 UTC is still 2025-06-30 in New York, whose day began at 04:00 UTC of the 30th.
    await fill('2025-06-20T12:00:00Z', '-3');
    await fill('2025-06-30T03:30:00Z', '-1');
    await fill('2025-06-30T04:00:00Z', '-2', { fee: '0.5' });
    await fill('2025-06-30T20:00:00Z', '-4', { strategy: 'beta' });
    await fill('2025-07-01T00:30:00Z', '8', { fee: '0.25' });
    await counted();

    expect(await adopt('America/New_York', '2025-07-01T01:00:00Z')).toBe('UTC');
    expect(await results()).toEqual([
      { day: '2025-06-20', strategy: 'alpha', realized: '-3', fees: '0', loss: '3' },
      { day: '2025-06-29', strategy: 'alpha', realized: '-1', fees: '0', loss: '1' },
      { day: '2025-06-30', strategy: 'alpha', realized: '6', fees: '0.75', loss: '2.5' },
      { day: '2025-06-30', strategy: 'beta', realized: '-4', fees: '0', loss: '4' },
    ]);
  });

  it('G4 keeps each result on one day, to the east and back, however often', async () => {
    const instants = ['06-28T13:00', '06-29T01:00', '06-29T13:00', '06-30T01:00', '06-30T13:00', '07-01T00:30'];
    for (const [index, instant] of instants.entries())
      await fill(`2025-${instant}:00Z`, `-${2 ** index}`, { fee: '0.5' });
    await counted();
    for (const zone of ['Pacific/Auckland', 'America/New_York', 'Pacific/Kiritimati', 'Pacific/Pago_Pago', 'UTC']) {
      await adopt(zone, '2025-07-01T01:00:00Z');
      const { rows } = await probe.query(
        'SELECT trim_scale(sum(realized)) AS realized, trim_scale(sum(fees)) AS fees, trim_scale(sum(loss)) AS loss FROM daily_results',
      );
      expect([zone, rows]).toEqual([zone, [{ realized: '-63', fees: '3', loss: '66' }]]);
    }
    // What lies further back is on one of the days before.
    expect((await results()).slice(-2)).toMatchObject([
      { day: '2025-06-30', realized: '-24' },
      { day: '2025-07-01', realized: '-32' },
    ]);
  });

  it('counts a day of 25 hours as a whole, both of its midnights included', async () => {
    await fill('2025-11-02T03:59:59Z', '-1');
    await fill('2025-11-02T04:00:00Z', '-2');
    await fill('2025-11-02T05:00:00Z', '-4');
    await fill('2025-11-03T04:59:59Z', '-8');
    await counted();
    await adopt('America/Havana', '2025-11-03T04:59:59.5Z');
    expect(await results()).toMatchObject([
      { day: '2025-11-01', loss: '1' },
      { day: '2025-11-02', loss: '14' },
    ]);
  });

  it('changes nothing when it is none', async () => {
    await fill('2025-07-01T00:30:00Z', '-1');
    expect(await adopt('UTC', '2025-07-01T01:00:00Z')).toBe('UTC');
    expect(await results()).toEqual([]);
  });

  it('loses no result that is booked at the same time, and counts none twice', async () => {
    const zones = ['Pacific/Kiritimati', 'Pacific/Pago_Pago'];
    const book = () =>
      module.get(Transactions).run(async (tx) => {
        const result = { mode: 'mock', strategy: 'alpha', realizedPnl: '-1', fee: '0' } as const;
        const bookedAt = await module.get(RiskDays).book(tx, [result]);
        await tx.query(SETTLEMENT, ['alpha', '0', '-1', bookedAt]);
      });
    for (let round = 0; round < 10; round++) {
      await Promise.all([...Array.from({ length: 10 }, book), adopt(zones[round % 2]!)]);
    }
    const { rows } = await probe.query<{ loss: string; all_days: string; fills: string }>(
      `SELECT (SELECT sum(loss) FROM daily_results WHERE day = risk_day_of(clock_timestamp())) AS loss,
              (SELECT sum(loss) FROM daily_results) AS all_days, (SELECT count(*) FROM fills) AS fills`,
    );
    expect(rows[0]).toEqual({ loss: '100', all_days: '100', fills: '100' });
  });

  it('G4 to one that the database does not know changes nothing', async () => {
    await expect(adopt('Mars/Olympus')).rejects.toThrow(/time zone "Mars\/Olympus" not recognized/);
    const { rows } = await probe.query('SELECT timezone FROM risk_day');
    expect(rows).toEqual([{ timezone: 'UTC' }]);
  });

  it('is made at boot by the settings', async () => {
    await fill(new Date().toISOString(), '-5');
    await counted();
    const other = await startRiskGuards(database.url, { ...LIMITS, RISK_DAY_TIMEZONE: 'Asia/Tokyo' });
    try {
      expect(await results()).toMatchObject([{ loss: '5' }]);
      const { rows } = await probe.query('SELECT timezone FROM risk_day');
      expect(rows).toEqual([{ timezone: 'Asia/Tokyo' }]);
    } finally {
      await other.close();
    }
  });
});

describe('GetRisk', () => {
  it('tells each configured rule per mode: current value, limit, headroom', async () => {
    await module
      .get(Transactions)
      .run((tx) =>
        module.get(RiskDays).book(tx, [{ mode: 'paper', strategy: 'alpha', realizedPnl: '-100.5', fee: '0' }]),
      );
    await probe.query(`INSERT INTO exposures (mode, strategy, held_cost, working_cost) VALUES
      ('paper', 'alpha', 100.25, 0.5), ('paper', 'beta', 0.25, 0)`);
    const { items } = await module.get(QueryBus).execute(new GetRisk());
    expect(items).toHaveLength(9);
    expect(items.filter((item) => item.scope === 'mode:paper')).toEqual([
      { rule: 'position', scope: 'mode:paper', current: '101', limit: '1000000', headroom: '999899' },
      { rule: 'dailyLoss', scope: 'mode:paper', current: '100.5', limit: '100', headroom: '0' },
      { rule: 'orderRate', scope: 'mode:paper', current: 0, limit: 30, headroom: 30 },
    ]);
  });
});
