import type { Mode } from '@interlock/kill-switch';
import type { Transaction } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import { RiskStateUnavailable } from './risk-state.js';

/** A result of trading about to be booked. Money as decimal text in units of collateral. */
export interface TradingResult {
  readonly mode: Mode;
  readonly strategy: string;
  readonly realizedPnl: string;
  readonly fee: string;
}

/**
 * The days of the risk guards: results per mode, strategy and day. Which day it is follows from the database's clock and from the
 * time zone that the database holds, so that processes with different clocks or settings never book on different days.
 */
@Injectable()
export class RiskDays {
  /**
   * Books results on today, in the transaction that stores what they come from. A result below zero, fee included, adds to the
   * day's loss; one above zero takes nothing away from it.
   * @returns the booking time, by the database's clock: the postings' `booked_at`, so that they lie on the day they were booked on
   */
  async book(tx: Transaction, results: readonly TradingResult[]): Promise<string> {
    // The lock keeps a change of the zone out until we commit: else the result could be missing from the rebuilt sum, or be in
    // it twice.
    const [now] = await tx.query<{ at: string }[]>('SELECT clock_timestamp()::text AS at FROM risk_day FOR SHARE');
    if (now === undefined) throw new RiskStateUnavailable('the time zone of days');
    await tx.query(
      `INSERT INTO daily_results AS d (mode, day, strategy, realized, fees, loss)
       SELECT mode, risk_day_of($2), strategy, sum("realizedPnl"), sum(fee), sum(greatest(fee - "realizedPnl", 0))
       FROM jsonb_to_recordset($1::jsonb) AS r(mode text, strategy text, "realizedPnl" numeric, fee numeric)
       GROUP BY mode, strategy ORDER BY mode, strategy -- sorted, so that two transactions never wait in a circle
       ON CONFLICT (mode, day, strategy) DO UPDATE
         SET realized = d.realized + excluded.realized, fees = d.fees + excluded.fees, loss = d.loss + excluded.loss`,
      [JSON.stringify(results), now.at],
    );
    return now.at;
  }

  /**
   * Counts days in this zone from now on. When it is another one than before, yesterday's and today's sums are rebuilt from the
   * journal. What their old rows held beside goes to the day before them: a result is on one day always, never on two or none.
   * @param now the instant that says which day is today; the database's clock unless told
   * @returns the zone before
   */
  async adopt(tx: Transaction, timezone: string, now: Date | null = null): Promise<string> {
    const [stored] = await tx.query<{ timezone: string }[]>('SELECT timezone FROM risk_day FOR UPDATE');
    if (stored?.timezone === timezone) return timezone;
    await tx.query(
      `INSERT INTO risk_day (timezone) VALUES ($1) ON CONFLICT (singleton) DO UPDATE SET timezone = excluded.timezone`,
      [timezone],
    );
    // Later days too: where the clock goes back over midnight, what was today is tomorrow and would be counted twice.
    const today = `risk_day_of(coalesce($1::timestamptz, clock_timestamp()))`;
    const [old] = await tx.query<{ rows: unknown }[]>(
      `WITH old AS (DELETE FROM daily_results WHERE day >= ${today} - 2 RETURNING mode, strategy, realized, fees, loss)
       SELECT coalesce(jsonb_agg(old), '[]') AS rows FROM old`,
      [now],
    );
    // The day of each posting decides, not an instant for midnight: where clocks are put back there can be two of them.
    await tx.query(
      `WITH today AS (SELECT ${today} AS day),
         old AS (SELECT * FROM jsonb_to_recordset($2::jsonb)
                   AS o(mode text, strategy text, realized numeric, fees numeric, loss numeric)),
         rebuilt AS (
           SELECT mode, risk_day_of(booked_at) AS day, strategy,
                  -sum(realized) AS realized, sum(fees) AS fees, sum(greatest(fees + realized, 0)) AS loss
           FROM postings, today
           WHERE kind <> 'DEPOSIT' AND booked_at >= coalesce($1::timestamptz, clock_timestamp()) - interval '54 hours'
             AND risk_day_of(booked_at) BETWEEN today.day - 1 AND today.day
           GROUP BY 1, 2, 3),
         moved AS (
           SELECT mode, strategy, sum(realized) AS realized, sum(fees) AS fees, greatest(sum(loss), 0) AS loss
           FROM (SELECT mode, strategy, realized, fees, loss FROM old
                 UNION ALL SELECT mode, strategy, -realized, -fees, -loss FROM rebuilt) AS difference
           GROUP BY 1, 2)
       INSERT INTO daily_results (mode, day, strategy, realized, fees, loss)
       SELECT mode, day, strategy, realized, fees, loss FROM rebuilt
       UNION ALL
       SELECT mode, today.day - 2, strategy, realized, fees, loss FROM moved, today
       WHERE realized <> 0 OR fees <> 0 OR loss <> 0`,
      [now, JSON.stringify(old?.rows ?? [])],
    );
    return stored?.timezone ?? '';
  }
}
