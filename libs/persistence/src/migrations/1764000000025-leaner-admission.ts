import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What stores admitted orders takes their sums added up, one row per position, strategy and account instead of one per order, and gives
 * all orders of a batch one time. What is read of other strategies is their sum, so that it costs nothing how many there are
 * (docs/performance.md).
 *
 * The functions that programs of the release before call stay until the next release, under the same locks: `open_order_admission` and
 * `read_order_state` without strategies, `admit_orders` of two lists, `reserve_sums`, `count_orders`.
 */
export class LeanerAdmission1764000000025 implements MigrationInterface {
  readonly name = 'LeanerAdmission1764000000025';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...NAMES, ...MARKS, ...READING, ...ADMISSIONS, ...STORING]) await runner.query(statement);
  }

  down(): Promise<void> {
    throw new Error('migrations only go forward; restore a backup instead');
  }
}

const NAME = `'^[a-z0-9][a-z0-9._-]{0,63}$'`;

const NAMES = [
  // An order is stored together with what it adds to its strategy's exposure and its account: there the names are checked, once for all
  // orders of a batch. A pattern costs an order as much as another index would.
  `ALTER TABLE exposures ADD CONSTRAINT exposures_strategy_check CHECK (strategy ~ ${NAME}) NOT VALID`,
  `ALTER TABLE accounts ADD CONSTRAINT accounts_venue_check CHECK (venue ~ ${NAME}) NOT VALID`,
  `ALTER TABLE orders DROP CONSTRAINT orders_strategy_check, DROP CONSTRAINT orders_venue_check`,
  // Orders without an id of their client's are not found by it.
  `ALTER TABLE orders DROP CONSTRAINT orders_client_order_id`,
  `CREATE UNIQUE INDEX orders_client_order_id ON orders (strategy, client_order_id) WHERE client_order_id IS NOT NULL`,
];

/*
 * A market that closes has no bids any more, until its settlement is booked: what is held there is worth what was bid last. Where a market
 * is open and nobody bids, it is worth nothing.
 */
const MARKS = [
  `ALTER TABLE market_quotes ADD COLUMN last_bid amount`,
  `UPDATE market_quotes SET last_bid = best_bid`,
  `ALTER TABLE market_quotes ADD COLUMN mark amount
     GENERATED ALWAYS AS (coalesce(best_bid, CASE WHEN status <> 'OPEN' THEN last_bid END, 0)) STORED`,
];

const WORKING = `('ADMITTED', 'SUBMITTED', 'OPEN', 'PARTIALLY_FILLED', 'CANCEL_PENDING', 'UNKNOWN')`;

/** The sums of the strategies that are wanted, and under the empty name those of the whole mode. */
const sumsBy = (table: string) => `
          GROUP BY GROUPING SETS ((${table}.mode, ${table}.strategy), (${table}.mode))
          HAVING grouping(${table}.strategy) = 1 OR strategies IS NULL OR ${table}.strategy = ANY(strategies)`;

const READING = [
  /*
   * What the guards of orders compare with, in one call after the locks: VOLATILE, so that each statement sees what was committed
   * before it began. intents: [{strategy, mode, venue, account, market, outcome, side, type, price, quantity}]; counts: narrower
   * limits whose totals are wanted, [{rule, kind, name, mode}]; with_marks: also what open positions are worth at the bid; strategies:
   * those whose own sums are wanted, null for all. The sums of a mode are made here: to tell those of a hundred strategies takes longer.
   * Places are looked up one by one: a hash of all positions, which suits a plan that was made while there were few, grows with them.
   */
  `CREATE FUNCTION read_order_state(intents jsonb, counts jsonb, with_marks boolean, duplicate_window_ms numeric, strategies text[])
     RETURNS jsonb LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
   DECLARE
     now_at timestamptz := clock_timestamp();
     today date := risk_day_of(now_at);
     modes text[] := ARRAY(SELECT DISTINCT i->>'mode' FROM jsonb_array_elements(intents) AS i);
     result jsonb;
   BEGIN
     result := jsonb_build_object('day', today,
       'limits', CASE WHEN (SELECT version FROM risk_limits_version) > 0 THEN
          (SELECT coalesce(jsonb_agg(jsonb_build_array(rule, scope, value::text)), '[]') FROM risk_limits) END,
       'exposures', (SELECT jsonb_agg(r) FROM (
          SELECT jsonb_build_array(e.mode, coalesce(e.strategy, ''), sum(e.held_cost + e.working_cost)::text, sum(e.working_orders)) AS r
          FROM exposures AS e WHERE e.mode = ANY(modes)${sumsBy('e')}) AS sums),
       'rates', (SELECT jsonb_agg(jsonb_build_array(m, admissions_in_last_minute('orderRate', 'mode:' || m))) FROM unnest(modes) AS m),
       'streaks', (SELECT jsonb_agg(jsonb_build_array(mode, strategy, losses)) FROM losing_streaks
          WHERE mode = ANY(modes) AND (strategies IS NULL OR strategy = ANY(strategies))),
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
     -- Results and marks in one statement, so of one instant: a sale that is booked between two would be in neither.
     result := result || jsonb_build_object(
       'results', (SELECT jsonb_agg(r) FROM (
          SELECT jsonb_build_array(d.mode, coalesce(d.strategy, ''), sum(d.loss)::text, sum(d.realized - d.fees)::text) AS r
          FROM daily_results AS d WHERE d.mode = ANY(modes) AND d.day = today${sumsBy('d')}) AS sums),
       'marks', CASE WHEN with_marks THEN (SELECT jsonb_agg(r) FROM (
          SELECT jsonb_build_array(p.mode, coalesce(p.strategy, ''), round(sum(p.quantity * coalesce(q.mark, 0) - p.cost_basis), 8)::text,
                   round(sum(least(p.quantity * coalesce(q.mark, 0) - p.cost_basis, 0)), 8)::text, bool_or(q.venue IS NULL)) AS r
          FROM positions AS p LEFT JOIN market_quotes AS q USING (venue, market, outcome)
          WHERE p.mode = ANY(modes) AND p.quantity > 0${sumsBy('p')}) AS sums) END,
       'highs', CASE WHEN with_marks THEN (SELECT jsonb_agg(jsonb_build_array(mode, strategy, high::text)) FROM day_highs
          WHERE mode = ANY(modes) AND day = today) END);
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
  // As before, and says whose sums are wanted.
  `CREATE FUNCTION open_order_admission(scopes text[], intents jsonb, counts jsonb, with_marks boolean, duplicate_window_ms numeric,
                                        strategies text[])
     RETURNS jsonb LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
   DECLARE
     switches jsonb;
     m text;
   BEGIN
     PERFORM lock_kill_switches_shared(scopes);
     SELECT jsonb_agg(to_jsonb(k)) INTO switches FROM kill_switches AS k WHERE k.scope = ANY (scopes) AND k.enabled;
     FOR m IN SELECT DISTINCT i->>'mode' FROM jsonb_array_elements(intents) AS i ORDER BY 1 LOOP
       PERFORM pg_advisory_xact_lock(hashtextextended('interlock admissions orderRate mode:' || m, 0));
     END LOOP;
     RETURN jsonb_build_object('switches', coalesce(switches, '[]'),
                               'state', read_order_state(intents, counts, with_marks, duplicate_window_ms, strategies));
   END $$`,
];

/*
 * Numbers and times of admissions rise together. With an index by each of them, a plan that was made while the table was small could take
 * the wrong one, and passed over the whole last minute; so there is one, and everything goes by time.
 */
const ADMISSIONS = [
  `ALTER TABLE admissions DROP CONSTRAINT admissions_pkey`,
  `DROP INDEX admissions_by_time`,
  `ALTER TABLE admissions ADD PRIMARY KEY (rule, scope, at, number)`,
  // Nothing older is left: known rather than looked for, since a search would pass over all that was removed since the last vacuum.
  `ALTER TABLE admission_counters ADD COLUMN oldest_at timestamptz NOT NULL DEFAULT '-infinity', ALTER COLUMN oldest SET DEFAULT 1`,
  `ALTER FUNCTION admissions_in_last_minute(text, text) SET enable_sort = off`,
  `CREATE FUNCTION counter_of_admissions(of_rule text, of_scope text) RETURNS admission_counters LANGUAGE plpgsql VOLATILE AS $$
   DECLARE
     counter admission_counters;
   BEGIN
     SELECT * INTO counter FROM admission_counters WHERE rule = of_rule AND scope = of_scope FOR UPDATE;
     IF NOT FOUND THEN
       INSERT INTO admission_counters (rule, scope, newest, newest_at) VALUES (of_rule, of_scope, 0, '-infinity') RETURNING * INTO counter;
     END IF;
     RETURN counter;
   END $$`,
  /*
   * After so many were added: the counter goes on, and a few more of those older than 60 seconds are removed than were added, so that the
   * table shrinks again after a rush without any transaction paying for all of it.
   */
  `CREATE FUNCTION move_counter(counter admission_counters, added integer, now_at timestamptz) RETURNS void
     LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_sort = off AS $$
   DECLARE
     removed_to timestamptz;
   BEGIN
     SELECT at INTO removed_to FROM admissions
       WHERE rule = counter.rule AND scope = counter.scope AND at >= counter.oldest_at ORDER BY at, number OFFSET 2 * added + 16 LIMIT 1;
     removed_to := least(removed_to, now_at - interval '60 seconds');
     DELETE FROM admissions
       WHERE rule = counter.rule AND scope = counter.scope AND at >= counter.oldest_at AND at <= removed_to;
     UPDATE admission_counters SET newest = counter.newest + added, newest_at = now_at, oldest_at = removed_to
       WHERE rule = counter.rule AND scope = counter.scope;
   END $$`,
  `CREATE OR REPLACE FUNCTION count_admissions(of_rule text, of_scope text, added integer) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
   DECLARE
     counter admission_counters := counter_of_admissions(of_rule, of_scope);
     now_at timestamptz := greatest(clock_timestamp(), counter.newest_at);
   BEGIN
     INSERT INTO admissions (rule, scope, number, at)
       SELECT of_rule, of_scope, counter.newest + n, now_at FROM generate_series(1, added) AS n;
     PERFORM move_counter(counter, added, now_at);
   END $$`,
];

const STORING = [
  /*
   * Adds what new orders reserve. Rows are made or locked in sorted order, so that two transactions never wait in a circle.
   * positions: [{strategy, venue, account, market, outcome, mode, buy, sell, cost}], exposures: [{mode, strategy, cost, orders}],
   * accounts: [{venue, account, mode, reserved}]; no key twice.
   */
  `CREATE FUNCTION reserve_for_orders(new_positions json, new_exposures json, new_accounts json) RETURNS void
     LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
   BEGIN
     INSERT INTO positions AS p (strategy, venue, account, market, outcome, mode, quantity, cost_basis, working_buy, working_sell,
                                 working_cost)
       SELECT strategy, venue, account, market, outcome, mode, 0, 0, buy, sell, cost
       FROM json_to_recordset(new_positions) AS c(strategy text, venue text, account text, market text, outcome text, mode text,
                                                  buy numeric, sell numeric, cost numeric)
       ORDER BY 1, 2, 3, 4, 5
       ON CONFLICT (strategy, venue, account, market, outcome) DO UPDATE
         SET working_buy = p.working_buy + excluded.working_buy, working_sell = p.working_sell + excluded.working_sell,
             working_cost = p.working_cost + excluded.working_cost, updated_at = clock_timestamp();
     INSERT INTO exposures AS e (mode, strategy, working_cost, working_orders)
       SELECT mode, strategy, cost, orders
       FROM json_to_recordset(new_exposures) AS c(mode text, strategy text, cost numeric, orders integer) ORDER BY 1, 2
       ON CONFLICT (mode, strategy) DO UPDATE
         SET working_cost = e.working_cost + excluded.working_cost, working_orders = e.working_orders + excluded.working_orders,
             updated_at = clock_timestamp();
     INSERT INTO accounts AS a (venue, account, mode, reserved)
       SELECT venue, account, mode, reserved
       FROM json_to_recordset(new_accounts) AS c(venue text, account text, mode text, reserved numeric) ORDER BY 1, 2
       ON CONFLICT (venue, account) DO UPDATE SET reserved = a.reserved + excluded.reserved, updated_at = clock_timestamp();
   END $$`,
  // As `count_admissions` of the rule orderRate, and where each order was admitted. places: [{mode, strategy, venue, market, orders}].
  `CREATE FUNCTION count_admitted_orders(of_mode text, places json) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
   DECLARE
     of_scope text := 'mode:' || of_mode;
     counter admission_counters := counter_of_admissions('orderRate', of_scope);
     now_at timestamptz := greatest(clock_timestamp(), counter.newest_at);
     added integer;
   BEGIN
     INSERT INTO admissions (rule, scope, number, at, strategy, venue, market)
       SELECT 'orderRate', of_scope, counter.newest + row_number() OVER (), now_at, strategy, venue, market
       FROM json_to_recordset(places) AS p(mode text, strategy text, venue text, market text, orders integer),
            generate_series(1, p.orders) WHERE p.mode = of_mode;
     GET DIAGNOSTICS added = ROW_COUNT;
     PERFORM move_counter(counter, added, now_at);
   END $$`,
  /*
   * Stores orders that were admitted, with what they reserve, counts them, and tells the senders on the channel. Under the lock of
   * open_order_admission. The sums are those of \`reserve_for_orders\`; a position says also how many orders it got. Returns when the
   * orders were created.
   */
  `CREATE FUNCTION admit_orders(admitted json, new_positions json, new_exposures json, new_accounts json, channel text)
     RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
   DECLARE
     now_at timestamptz := clock_timestamp();
   BEGIN
     INSERT INTO orders (id, client_order_id, run_id, strategy, mode, venue, account, market, outcome, side, type, price, quantity,
                         time_in_force, expires_at, post_only, reduce_only, fee_reserve, status, created_at, updated_at)
       SELECT id, "clientOrderId", "runId", strategy, mode, venue, account, market, outcome, side, type, price, quantity,
              "timeInForce", "expiresAt", "postOnly", "reduceOnly", "feeReserve", 'ADMITTED', now_at, now_at
       FROM json_to_recordset(admitted)
         AS o(id uuid, "clientOrderId" text, "runId" uuid, strategy text, mode text, venue text, account text, market text,
              outcome text, side text, type text, price numeric, quantity numeric, "timeInForce" text, "expiresAt" timestamptz,
              "postOnly" boolean, "reduceOnly" boolean, "feeReserve" numeric);
     PERFORM reserve_for_orders(new_positions, new_exposures, new_accounts);
     PERFORM count_admitted_orders(mode, new_positions)
       FROM (SELECT DISTINCT mode FROM json_to_recordset(new_accounts) AS a(mode text) ORDER BY 1) AS modes;
     PERFORM pg_notify(channel, venue) FROM (SELECT DISTINCT venue FROM json_to_recordset(new_accounts) AS a(venue text)) AS venues;
     RETURN now_at;
   END $$`,
];
