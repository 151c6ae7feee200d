import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The admission of orders in two calls, one that locks and reads and one that stores, and its statements for a whole batch at once: what
 * it costs decides how many orders a second the database admits (docs/performance.md).
 */
export class FasterAdmission1764000000014 implements MigrationInterface {
  readonly name = 'FasterAdmission1764000000014';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...LOCKS, ...READING, ...STORING]) await runner.query(statement);
  }

  down(): Promise<void> {
    throw new Error('migrations only go forward; restore a backup instead');
  }
}

const WORKING = `('ADMITTED', 'SUBMITTED', 'OPEN', 'PARTIALLY_FILLED', 'CANCEL_PENDING', 'UNKNOWN')`;

const LOCKS = [
  // Sorted, so that two transactions never wait for each other in a circle. The key is that of the toggle's exclusive lock.
  `CREATE OR REPLACE FUNCTION lock_kill_switches_shared(scopes text[]) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
   BEGIN
     PERFORM pg_advisory_xact_lock_shared(hashtextextended('interlock kill switch ' || scope, 0))
       FROM (SELECT DISTINCT u.scope COLLATE "C" AS scope FROM unnest(scopes) AS u(scope) ORDER BY 1) AS sorted;
   END $$`,
];

const READING = [
  // The best prices of the account's working orders are the ends of this index, which replaces one by id that nothing needs.
  `DROP INDEX orders_working`,
  `CREATE INDEX orders_working ON orders (venue, account, market, outcome, side, price) WHERE status IN ${WORKING}`,
  `CREATE OR REPLACE FUNCTION read_order_state(intents jsonb, counts jsonb, with_marks boolean, duplicate_window_ms numeric) RETURNS jsonb
     LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
   DECLARE
     now_at timestamptz := clock_timestamp();
     today date := risk_day_of(now_at);
     modes text[] := ARRAY(SELECT DISTINCT i->>'mode' FROM jsonb_array_elements(intents) AS i);
     result jsonb;
   BEGIN
     result := jsonb_build_object('day', today,
       'limits', CASE WHEN (SELECT version FROM risk_limits_version) > 0 THEN
          (SELECT coalesce(jsonb_agg(jsonb_build_array(rule, scope, value::text)), '[]') FROM risk_limits) END,
       'exposures', (SELECT jsonb_agg(jsonb_build_array(mode, strategy, (held_cost + working_cost)::text, working_orders))
                     FROM exposures WHERE mode = ANY(modes)),
       'results', (SELECT jsonb_agg(jsonb_build_array(mode, strategy, loss::text, (realized - fees)::text))
                   FROM daily_results WHERE mode = ANY(modes) AND day = today),
       'rates', (SELECT jsonb_agg(jsonb_build_array(m, admissions_in_last_minute('orderRate', 'mode:' || m))) FROM unnest(modes) AS m),
       'streaks', (SELECT jsonb_agg(jsonb_build_array(mode, strategy, losses)) FROM losing_streaks WHERE mode = ANY(modes)),
       'runCaps', (SELECT jsonb_agg(r) FROM (
          SELECT jsonb_build_array(mode, strategy, min(max_position)::text) AS r FROM runs
          WHERE status = 'RUNNING' AND mode = ANY(modes) GROUP BY mode, strategy) AS caps));
     result := result || jsonb_build_object(
       'quotes', (SELECT jsonb_agg(jsonb_build_array(q.venue, q.market, q.outcome, q.status, q.tick::text, q.minimum_quantity::text,
            q.best_bid::text, q.best_ask::text, extract(epoch FROM now_at - q.updated_at) * 1000,
            extract(epoch FROM q.closes_at - now_at) * 1000, q.rules, q.fee_rate::text, q.fee_exponent))
          FROM (SELECT DISTINCT venue, market, outcome FROM jsonb_to_recordset(intents) AS i(venue text, market text, outcome text)) AS k
          JOIN market_quotes AS q USING (venue, market, outcome)),
       'positions', (SELECT jsonb_agg(jsonb_build_array(p.strategy, p.venue, p.account, p.market, p.outcome, p.quantity::text,
            p.working_sell::text))
          FROM (SELECT DISTINCT strategy, venue, account, market, outcome FROM jsonb_to_recordset(intents)
                  AS i(strategy text, venue text, account text, market text, outcome text)) AS k
          JOIN positions AS p USING (strategy, venue, account, market, outcome)),
       'accounts', (SELECT jsonb_agg(jsonb_build_array(a.venue, a.account, (a.cash - a.reserved)::text))
          FROM (SELECT DISTINCT venue, account FROM jsonb_to_recordset(intents) AS i(venue text, account text)) AS k
          JOIN accounts AS a USING (venue, account)),
       'venues', (SELECT jsonb_agg(jsonb_build_array(v.venue, v.account, v.state, v.message, v.reconciled_at IS NOT NULL))
          FROM (SELECT DISTINCT venue, account FROM jsonb_to_recordset(intents) AS i(venue text, account text)) AS k
          JOIN venue_states AS v USING (venue, account)),
       -- What an order could meet: the best working price on its other side, and whether one without a price waits there. Each is the
       -- end of an index, however many orders work.
       'own', (SELECT jsonb_agg(jsonb_build_array(k.venue, k.account, k.market, k.outcome, k.side,
            CASE k.side WHEN 'SELL' THEN (SELECT min(o.price) FROM orders AS o
              WHERE (o.venue, o.account, o.market, o.outcome, o.side) = (k.venue, k.account, k.market, k.outcome, 'SELL')
                AND o.status IN ${WORKING}) END::text,
            CASE k.side WHEN 'BUY' THEN (SELECT max(o.price) FROM orders AS o
              WHERE (o.venue, o.account, o.market, o.outcome, o.side) = (k.venue, k.account, k.market, k.outcome, 'BUY')
                AND o.status IN ${WORKING}) END::text,
            EXISTS (SELECT FROM orders AS o
              WHERE (o.venue, o.account, o.market, o.outcome, o.side) = (k.venue, k.account, k.market, k.outcome, k.side)
                AND o.status IN ${WORKING} AND o.price IS NULL)))
          FROM (SELECT DISTINCT venue, account, market, outcome, CASE side WHEN 'BUY' THEN 'SELL' ELSE 'BUY' END AS side
                FROM jsonb_to_recordset(intents) AS i(venue text, account text, market text, outcome text, side text)) AS k));
     IF duplicate_window_ms IS NOT NULL THEN
       result := result || jsonb_build_object('alike', (
         SELECT jsonb_agg(jsonb_build_array(i.n, extract(epoch FROM now_at - (
             SELECT max(o.created_at) FROM orders AS o
             WHERE o.strategy = i.strategy AND o.venue = i.venue AND o.market = i.market AND o.outcome = i.outcome
               AND o.created_at > now_at - duplicate_window_ms * interval '1 millisecond'
               AND o.side = i.side AND o.type = i.type AND o.price IS NOT DISTINCT FROM i.price AND o.quantity = i.quantity)) * 1000))
         FROM ROWS FROM (jsonb_to_recordset(intents)
                AS (strategy text, venue text, market text, outcome text, side text, type text, price numeric, quantity numeric))
              WITH ORDINALITY AS i(strategy, venue, market, outcome, side, type, price, quantity, n)));
     END IF;
     IF with_marks THEN
       result := result || jsonb_build_object(
         'marks', (SELECT jsonb_agg(r) FROM (
            SELECT jsonb_build_array(p.mode, p.strategy, sum(p.quantity * coalesce(q.best_bid, 0) - p.cost_basis)::text,
                     sum(least(p.quantity * coalesce(q.best_bid, 0) - p.cost_basis, 0))::text,
                     bool_or(q.venue IS NULL)) AS r
            FROM positions AS p LEFT JOIN market_quotes AS q USING (venue, market, outcome)
            WHERE p.mode = ANY(modes) AND p.quantity > 0 GROUP BY p.mode, p.strategy) AS marks),
         'highs', (SELECT jsonb_agg(jsonb_build_array(mode, strategy, high::text)) FROM day_highs
                   WHERE mode = ANY(modes) AND day = today));
     END IF;
     IF jsonb_array_length(counts) > 0 THEN
       result := result || jsonb_build_object('counts', (
         SELECT jsonb_agg(jsonb_build_array(c.rule, c.kind, c.name, c.mode, CASE c.rule
           WHEN 'orderRate' THEN (SELECT count(*)::text FROM admissions AS a
             WHERE a.rule = 'orderRate' AND a.scope = 'mode:' || c.mode AND a.at > now_at - interval '60 seconds'
               AND c.name = CASE c.kind WHEN 'strategy' THEN a.strategy WHEN 'venue' THEN a.venue ELSE a.market END)
           WHEN 'cancels' THEN (SELECT count(*)::text FROM orders AS o
             WHERE o.mode = c.mode AND o.cancel_requested_at > now_at - interval '60 seconds'
               AND (c.kind <> 'strategy' OR o.strategy = c.name))
           WHEN 'openOrders' THEN (SELECT count(*)::text FROM orders AS o
             WHERE o.status IN ${WORKING} AND o.mode = c.mode
               AND c.name = CASE c.kind WHEN 'venue' THEN o.venue ELSE o.market END)
           WHEN 'position' THEN (SELECT coalesce(sum(p.cost_basis + p.working_cost), 0)::text FROM positions AS p
             WHERE p.mode = c.mode AND (p.quantity > 0 OR p.working_buy > 0 OR p.working_sell > 0)
               AND c.name = CASE c.kind WHEN 'venue' THEN p.venue ELSE p.market END)
           END))
         FROM jsonb_to_recordset(counts) AS c(rule text, kind text, name text, mode text)));
     END IF;
     RETURN result;
   END $$`,
];

const STORING = [
  /*
   * As `change_sums`, for changes that only add: what new orders reserve. One statement per table; rows are made or locked in sorted
   * order, so that two transactions never wait in a circle.
   */
  `CREATE FUNCTION reserve_sums(changes json) RETURNS void LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
   BEGIN
     INSERT INTO positions AS p (strategy, venue, account, market, outcome, mode, quantity, cost_basis, working_buy, working_sell,
                                 working_cost)
       SELECT strategy, venue, account, market, outcome, min(mode), 0, 0, sum(buy), sum(sell), sum(cost)
       FROM json_to_recordset(changes) AS c(strategy text, venue text, account text, market text, outcome text, mode text,
                                             buy numeric, sell numeric, cost numeric)
       GROUP BY strategy, venue, account, market, outcome ORDER BY 1, 2, 3, 4, 5
       ON CONFLICT (strategy, venue, account, market, outcome) DO UPDATE
         SET working_buy = p.working_buy + excluded.working_buy, working_sell = p.working_sell + excluded.working_sell,
             working_cost = p.working_cost + excluded.working_cost, updated_at = clock_timestamp();
     INSERT INTO exposures AS e (mode, strategy, working_cost, working_orders)
       SELECT mode, strategy, sum(cost), sum(orders)
       FROM json_to_recordset(changes) AS c(mode text, strategy text, cost numeric, orders integer)
       GROUP BY mode, strategy ORDER BY 1, 2
       ON CONFLICT (mode, strategy) DO UPDATE
         SET working_cost = e.working_cost + excluded.working_cost, working_orders = e.working_orders + excluded.working_orders,
             updated_at = clock_timestamp();
     INSERT INTO accounts AS a (venue, account, mode, reserved)
       SELECT venue, account, min(mode), sum(reserved)
       FROM json_to_recordset(changes) AS c(venue text, account text, mode text, reserved numeric)
       GROUP BY venue, account ORDER BY 1, 2
       ON CONFLICT (venue, account) DO UPDATE SET reserved = a.reserved + excluded.reserved, updated_at = clock_timestamp();
   END $$`,
  /*
   * As `count_admissions` of the rule orderRate, and where each order was admitted. `places`: [{strategy, venue, market}].
   */
  `CREATE FUNCTION count_orders(of_scope text, places json) RETURNS void LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
   DECLARE
     added integer := json_array_length(places);
     counter admission_counters;
     now_at timestamptz;
     first_inside bigint;
     first_kept bigint;
   BEGIN
     SELECT * INTO counter FROM admission_counters WHERE rule = 'orderRate' AND scope = of_scope FOR UPDATE;
     IF NOT FOUND THEN
       INSERT INTO admission_counters VALUES ('orderRate', of_scope, 1, 0, '-infinity') RETURNING * INTO counter;
     END IF;
     now_at := greatest(clock_timestamp(), counter.newest_at);
     INSERT INTO admissions (rule, scope, number, at, strategy, venue, market)
       SELECT 'orderRate', of_scope, counter.newest + ordinality, now_at, strategy, venue, market
       FROM ROWS FROM (json_to_recordset(places) AS (strategy text, venue text, market text)) WITH ORDINALITY;
     SELECT number INTO first_inside FROM admissions
       WHERE rule = 'orderRate' AND scope = of_scope AND at > now_at - interval '60 seconds' ORDER BY at, number LIMIT 1;
     first_kept := least(first_inside, counter.oldest + 2 * added + 16);
     DELETE FROM admissions
       WHERE rule = 'orderRate' AND scope = of_scope AND number >= counter.oldest AND number < first_kept;
     UPDATE admission_counters SET oldest = first_kept, newest = counter.newest + added, newest_at = now_at
       WHERE rule = 'orderRate' AND scope = of_scope;
   END $$`,
  /*
   * Stores orders that were admitted, with what they reserve, counts them, and tells the senders on the channel. Under the lock of
   * open_order_admission. Returns when each was created, by id.
   */
  `CREATE FUNCTION admit_orders(admitted json, changes json, channel text) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
   DECLARE
     times jsonb;
     m record;
   BEGIN
     WITH stored AS (
       INSERT INTO orders (id, client_order_id, run_id, strategy, mode, venue, account, market, outcome, side, type, price, quantity,
                           time_in_force, expires_at, post_only, reduce_only, fee_reserve, status)
         SELECT id, "clientOrderId", "runId", strategy, mode, venue, account, market, outcome, side, type, price, quantity,
                "timeInForce", "expiresAt", "postOnly", "reduceOnly", "feeReserve", 'ADMITTED'
         FROM json_to_recordset(admitted)
           AS o(id uuid, "clientOrderId" text, "runId" uuid, strategy text, mode text, venue text, account text, market text,
                outcome text, side text, type text, price numeric, quantity numeric, "timeInForce" text, "expiresAt" timestamptz,
                "postOnly" boolean, "reduceOnly" boolean, "feeReserve" numeric)
         RETURNING id, created_at)
     SELECT jsonb_object_agg(id, created_at) INTO times FROM stored;
     PERFORM reserve_sums(changes);
     FOR m IN
       SELECT o->>'mode' AS mode, json_agg(json_build_object('strategy', o->'strategy', 'venue', o->'venue', 'market', o->'market')) AS places
       FROM json_array_elements(admitted) AS o GROUP BY 1 ORDER BY 1
     LOOP
       PERFORM count_orders('mode:' || m.mode, m.places);
     END LOOP;
     PERFORM pg_notify(channel, venue) FROM (SELECT DISTINCT o->>'venue' AS venue FROM json_array_elements(admitted) AS o) AS venues;
     RETURN times;
   END $$`,
];
