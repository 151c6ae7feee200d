import { type Mode, MODES } from '@interlock/kill-switch';
import type { Transaction } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';

/** A venue that does not answer, while something is at stake there. */
export interface SilentVenue {
  readonly venue: string;
  /** Why, for people. */
  readonly message: string | null;
  readonly orders: number;
  /** Outcomes of which shares are held. */
  readonly positions: number;
}

/** A venue whose quotes do not come any more, of what is held or ordered there. */
export interface LostQuotes {
  readonly venue: string;
  /** Outcomes whose quotes are too old. */
  readonly quotes: number;
  /** `market outcome` of the oldest. */
  readonly oldest: string;
  /** Its age in milliseconds. */
  readonly ageMs: number;
}

/** A mode's losses of today. Decimal text. */
export interface LossReading {
  readonly mode: Mode;
  /** Null when it cannot be told, and so the losses cannot. */
  readonly day: string | null;
  readonly realized: string;
  /** With what open positions have lost at the bid; null when one has no quote. */
  readonly total: string | null;
  /** The risk guards' tightest limit of the total over the whole mode, or null. */
  readonly limit: string | null;
}

/** After this long unseen, what is seen again counts as new: nobody has watched meanwhile. */
const LONGEST_GAP = `interval '10 s'`;

/** What is watched while orders work, and since when it has been so. */
@Injectable()
export class RiskWatchRows {
  /** Of all that watch, one at a time goes on; until its transaction ends. */
  async isTheOne(tx: Transaction): Promise<boolean> {
    const [row] = await tx.query<{ locked: boolean }[]>(
      `SELECT pg_try_advisory_xact_lock(hashtextextended('interlock risk watch', 0)) AS locked`,
    );
    return row?.locked === true;
  }

  silentVenues(tx: Transaction): Promise<SilentVenue[]> {
    return tx.query(
      `SELECT * FROM (
         SELECT v.venue, v.message,
           (SELECT count(*)::int FROM orders AS o WHERE o.venue = v.venue AND o.account = v.account
              AND o.status IN ('ADMITTED', 'SUBMITTED', 'OPEN', 'PARTIALLY_FILLED', 'CANCEL_PENDING', 'UNKNOWN')) AS orders,
           (SELECT count(DISTINCT (p.market, p.outcome))::int FROM positions AS p
              WHERE p.venue = v.venue AND p.account = v.account AND p.quantity > 0 AND p.is_open) AS positions
         FROM venue_states AS v WHERE v.state = 'UNREACHABLE') AS silent
       WHERE orders > 0 OR positions > 0 ORDER BY venue`,
    );
  }

  /** Markets that do not trade have no news; nor have venues that nobody looks after, such as seeds use. */
  lostQuotes(tx: Transaction, olderThanMs: number): Promise<LostQuotes[]> {
    return tx.query(
      `SELECT venue, count(*)::int AS quotes, (array_agg(market || ' ' || outcome ORDER BY q.updated_at, market, outcome))[1] AS oldest,
              round(extract(epoch FROM clock_timestamp() - min(q.updated_at)) * 1000)::float8 AS "ageMs"
       FROM (SELECT DISTINCT p.venue, p.market, p.outcome FROM positions AS p JOIN venue_conditions USING (venue, account)
             WHERE p.is_open) AS wanted
       JOIN market_quotes AS q USING (venue, market, outcome)
       WHERE q.status = 'OPEN' AND q.updated_at < clock_timestamp() - $1 * interval '1 ms'
       GROUP BY venue ORDER BY venue`,
      [olderThanMs],
    );
  }

  losses(tx: Transaction): Promise<LossReading[]> {
    return tx.query(
      `SELECT mode, day::text, realized::text, limits.value::text AS limit,
              CASE WHEN NOT is_unknown THEN round(realized + open_loss, 8)::text END AS total
       FROM (SELECT m AS mode, risk_day_of(clock_timestamp()) AS day FROM unnest($1::text[]) AS m) AS today
       CROSS JOIN LATERAL (SELECT coalesce(sum(loss), 0) AS realized FROM daily_results AS r
                           WHERE r.mode = today.mode AND r.day = today.day) AS results
       CROSS JOIN LATERAL (
         SELECT coalesce(sum(greatest(p.cost_basis - p.quantity * coalesce(q.mark, 0), 0)), 0) AS open_loss,
                coalesce(bool_or(q.venue IS NULL), false) AS is_unknown
         FROM positions AS p LEFT JOIN market_quotes AS q USING (venue, market, outcome)
         WHERE p.mode = today.mode AND p.quantity > 0 AND p.is_open) AS marks
       CROSS JOIN LATERAL (SELECT min(value) AS value FROM risk_limits
                           WHERE rule = 'totalDailyLoss' AND scope IN ('global', 'mode:' || today.mode)) AS limits`,
      [MODES],
    );
  }

  /**
   * Keeps the day's highest results, of each mode and of each strategy that holds something or has results today. The first one of a mode
   * is what it is when the day begins, and may be below zero by what was lost on other days; a strategy that appears later began with nothing.
   */
  async keepHighs(tx: Transaction): Promise<void> {
    await tx.query(
      `WITH today AS MATERIALIZED (SELECT risk_day_of(clock_timestamp()) AS day),
       parts AS (
         SELECT unnest($1::text[]) AS mode, '' AS strategy, 0 AS result, false AS is_unknown
         UNION ALL
         SELECT mode, strategy, realized - fees, false FROM daily_results JOIN today USING (day)
         UNION ALL
         SELECT p.mode, p.strategy, p.quantity * coalesce(q.mark, 0) - p.cost_basis, q.venue IS NULL
         FROM positions AS p LEFT JOIN market_quotes AS q USING (venue, market, outcome)
         WHERE p.quantity > 0 AND p.is_open
       ),
       results AS (
         SELECT mode, coalesce(strategy, '') AS strategy, round(sum(result), 8) AS result
         FROM parts GROUP BY GROUPING SETS ((mode), (mode, strategy))
         HAVING (grouping(strategy) = 1 OR strategy <> '') AND NOT bool_or(is_unknown)
       )
       INSERT INTO day_highs AS kept (mode, day, strategy, high)
       SELECT r.mode, t.day, r.strategy, CASE WHEN began.mode IS NULL THEN r.result ELSE greatest(r.result, 0) END
       FROM results AS r CROSS JOIN today AS t
       LEFT JOIN day_highs AS began ON (began.mode, began.day, began.strategy) = (r.mode, t.day, '')
       LEFT JOIN day_highs AS h ON (h.mode, h.day, h.strategy) = (r.mode, t.day, r.strategy)
       WHERE t.day IS NOT NULL AND (h.high IS NULL OR h.high < r.result)
       ORDER BY 1, 2, 3 -- as admissions do, so that two never wait in a circle
       ON CONFLICT (mode, day, strategy) DO UPDATE SET high = greatest(kept.high, excluded.high)`,
      [MODES],
    );
  }

  /**
   * Keeps what is seen now; what is not seen any more is forgotten.
   * @returns for how long each has been seen without a break, in milliseconds
   */
  async keepSigns(tx: Transaction, signs: readonly string[]): Promise<Map<string, number>> {
    await tx.query('DELETE FROM auto_kill_switch_signs WHERE sign <> ALL($1)', [signs]);
    if (signs.length === 0) return new Map();
    const rows = await tx.query<{ sign: string; heldMs: number }[]>(
      `INSERT INTO auto_kill_switch_signs AS s (sign, since, seen_at) SELECT sign, now(), now() FROM unnest($1::text[]) AS sign
       ON CONFLICT (sign) DO UPDATE
         SET since = CASE WHEN s.seen_at < now() - ${LONGEST_GAP} THEN now() ELSE s.since END, seen_at = now()
       RETURNING sign, (extract(epoch FROM seen_at - since) * 1000)::float8 AS "heldMs"`,
      [signs],
    );
    return new Map(rows.map(({ sign, heldMs }) => [sign, heldMs]));
  }
}
