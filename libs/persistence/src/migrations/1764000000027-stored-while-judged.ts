import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Orders are stored while the process judges them, in the same transaction, and undone where it judges otherwise: database and process
 * work at the same time instead of in turns. With it, what an admission reads and writes costs less (docs/performance.md).
 *
 * Of migration 25 the functions that no release has called go. Those of the release before stay; where that one counts rows of
 * `admissions`, it counts orders from now on, of which a row may stand for several.
 */
export class StoredWhileJudged1764000000027 implements MigrationInterface {
  readonly name = 'StoredWhileJudged1764000000027';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...UNRELEASED, ...INDEXES, ...ADMISSIONS, ...READING, ...STORING])
      await runner.query(statement);
  }

  down(): Promise<void> {
    throw new Error('migrations only go forward; restore a backup instead');
  }
}

const WORKING = `('ADMITTED', 'SUBMITTED', 'OPEN', 'PARTIALLY_FILLED', 'CANCEL_PENDING', 'UNKNOWN')`;

const UNRELEASED = [
  'DROP FUNCTION open_order_admission(text[], jsonb, jsonb, boolean, numeric, text[])',
  'DROP FUNCTION read_order_state(jsonb, jsonb, boolean, numeric, text[])',
  'DROP FUNCTION admit_orders(json, json, json, json, text)',
  'DROP FUNCTION reserve_for_orders(json, json, json)',
  'DROP FUNCTION count_admitted_orders(text, json)',
];

/*
 * An order's row is compared with others in each index, column by column: what tells orders apart comes first, and what most of them have
 * in common, such as the venue, last. By time, each is simply the last.
 */
const INDEXES = [
  // How far into the other side an order reaches.
  `CREATE FUNCTION reach_of_order(side text, price numeric) RETURNS numeric LANGUAGE sql IMMUTABLE
     AS $$SELECT coalesce(price, CASE side WHEN 'BUY' THEN 1 ELSE 0 END)$$`,
  'DROP INDEX orders_alike',
  'CREATE INDEX orders_alike ON orders (market, strategy, created_at)',
  'DROP INDEX orders_by_market',
  'CREATE INDEX orders_by_market ON orders (market, id DESC)',
  // Of a venue with few orders the latest are found without passing over those of all the others.
  'CREATE INDEX orders_by_venue ON orders (venue, id)',
  'DROP INDEX orders_to_send',
  `CREATE INDEX orders_to_send ON orders (created_at, id) WHERE status = 'ADMITTED'`,
  // An order without a price meets whatever is on the other side: a purchase as one at 1 does, a sale as one at 0, which no price is.
  'DROP INDEX orders_working',
  `CREATE INDEX orders_working ON orders (market, outcome, side, venue, account, reach_of_order(side, price)) WHERE status IN ${WORKING}`,
  // By columns that an admission changes a row would be in another place of the index each time, and of every other index too.
  `ALTER TABLE positions ADD COLUMN is_open boolean NOT NULL
     GENERATED ALWAYS AS (quantity > 0 OR working_buy > 0 OR working_sell > 0) STORED`,
  'DROP INDEX positions_open',
  'CREATE INDEX positions_open ON positions (venue, account, market) WHERE is_open',
  'ALTER TABLE positions SET (fillfactor = 70)',
];

/** A row stands for orders of one strategy in one market; its number is that of the last of them. */
const ADMISSIONS = [
  'ALTER TABLE admissions ADD COLUMN orders integer NOT NULL DEFAULT 1 CHECK (orders > 0)',
  // Of the minute before that time, which is the one that an admission is judged for and gets: later, room would be seen that is not there.
  `CREATE FUNCTION admissions_in_minute_before(at_time timestamptz, of_rule text, of_scope text) RETURNS bigint
     LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_sort = off SET plan_cache_mode = force_generic_plan AS $$
   DECLARE
     counter admission_counters;
     since timestamptz;
     first_inside bigint;
   BEGIN
     SELECT * INTO counter FROM admission_counters WHERE rule = of_rule AND scope = of_scope;
     IF NOT FOUND THEN RETURN 0; END IF;
     since := greatest(at_time, counter.newest_at) - interval '60 seconds';
     SELECT number - orders + 1 INTO first_inside FROM admissions
       WHERE rule = of_rule AND scope = of_scope AND at > since ORDER BY at, number LIMIT 1;
     RETURN coalesce(greatest(counter.newest - first_inside + 1, 0), 0);
   END $$`,
  `CREATE OR REPLACE FUNCTION admissions_in_last_minute(of_rule text, of_scope text) RETURNS bigint
     LANGUAGE sql VOLATILE AS $$SELECT admissions_in_minute_before(clock_timestamp(), of_rule, of_scope)$$`,
  `DO $$
   DECLARE
     before text := pg_get_functiondef('read_order_sums(jsonb, jsonb, boolean, numeric)'::regprocedure);
     after text := replace(before, 'count(*)::text FROM admissions AS a', 'coalesce(sum(a.orders), 0)::text FROM admissions AS a');
   BEGIN
     IF after = before THEN RAISE EXCEPTION 'read_order_sums does not count rows of admissions'; END IF;
     EXECUTE after;
   END $$`,
  /*
   * Removes what is older than 60 seconds, a few more than were added, so that the table shrinks again after a rush without any
   * transaction paying for all of it.
   */
  `CREATE FUNCTION forget_old_admissions(counter admission_counters, added integer) RETURNS void
     LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_sort = off SET plan_cache_mode = force_generic_plan AS $$
   DECLARE
     removed_to timestamptz;
     oldest_left timestamptz;
   BEGIN
     SELECT at INTO removed_to FROM admissions
       WHERE rule = counter.rule AND scope = counter.scope AND at >= counter.oldest_at ORDER BY at, number OFFSET 2 * added + 16 LIMIT 1;
     removed_to := least(removed_to, counter.newest_at - interval '60 seconds');
     DELETE FROM admissions
       WHERE rule = counter.rule AND scope = counter.scope AND at >= counter.oldest_at AND at <= removed_to;
     SELECT at INTO oldest_left FROM admissions
       WHERE rule = counter.rule AND scope = counter.scope AND at > removed_to ORDER BY at, number LIMIT 1;
     UPDATE admission_counters SET oldest_at = coalesce(oldest_left, counter.newest_at)
       WHERE rule = counter.rule AND scope = counter.scope;
   END $$`,
];

/** The sums of the strategies that are wanted, and under the empty name those of the whole mode. */
const sumsBy = (table: string) => `
          GROUP BY GROUPING SETS ((${table}.mode, ${table}.strategy), (${table}.mode))
          HAVING grouping(${table}.strategy) = 1 OR of_strategies IS NULL OR ${table}.strategy = ANY(of_strategies)`;

/**
 * Places are looked up one by one: a hash of all positions, which suits a plan that was made while there were few, grows with them. So does a
 * pass over the whole index, for whose order a join by equality has a use; by `= ANY (ARRAY[…])` there is only the look-up.
 */
const PLANNED_ONCE = `SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off`;

const READING = [
  /*
   * What the guards of orders compare with: VOLATILE, so that each statement sees what was committed before it began. The places that
   * orders are for stand in six arrays; a place's quote, position and nearest own order on the other side are told in the same order.
   * repetitions: orders that may repeat others, [{place, type, price, quantity}], place from 1; counts: narrower limits whose totals are
   * wanted, [{rule, kind, name, mode}]; with_marks: also what open positions are worth; of_strategies: those whose own sums are wanted,
   * null for all. The sums of a mode are made here: to tell those of a hundred strategies takes longer.
   */
  `CREATE FUNCTION read_order_state(at_time timestamptz, modes text[], strategies text[], venues text[], accounts text[], markets text[],
       outcomes text[], sides text[], repetitions json, repetition_window_ms numeric, counts json, with_marks boolean, of_strategies text[])
     RETURNS json LANGUAGE plpgsql VOLATILE ${PLANNED_ONCE} AS $$
   DECLARE
     today date := risk_day_of(at_time);
   BEGIN
     RETURN json_build_object('day', today,
       'limits', CASE WHEN (SELECT version FROM risk_limits_version) > 0 THEN
          (SELECT coalesce(json_agg(json_build_array(rule, scope, value::text)), '[]') FROM risk_limits) END,
       'places', (SELECT json_agg(json_build_array(q.status, q.tick::text, q.minimum_quantity::text, q.best_bid::text, q.best_ask::text,
            extract(epoch FROM at_time - q.updated_at) * 1000, extract(epoch FROM q.closes_at - at_time) * 1000,
            q.rules, q.fee_rate::text, q.fee_exponent, p.quantity::text, p.working_sell::text,
            -- The end of an index, however many orders work.
            CASE i.side
              WHEN 'BUY' THEN (SELECT min(reach_of_order(o.side, o.price)) FROM orders AS o
                WHERE o.market = i.market AND o.outcome = i.outcome AND o.side = 'SELL' AND o.venue = i.venue AND o.account = i.account
                  AND o.status IN ${WORKING})
              ELSE (SELECT max(reach_of_order(o.side, o.price)) FROM orders AS o
                WHERE o.market = i.market AND o.outcome = i.outcome AND o.side = 'BUY' AND o.venue = i.venue AND o.account = i.account
                  AND o.status IN ${WORKING}) END::text) ORDER BY i.n)
          FROM ROWS FROM (unnest(strategies, venues, accounts, markets, outcomes, sides)) WITH ORDINALITY
            AS i(strategy, venue, account, market, outcome, side, n)
          LEFT JOIN market_quotes AS q ON q.venue = ANY (ARRAY[i.venue]) AND q.market = i.market AND q.outcome = i.outcome
          LEFT JOIN positions AS p ON p.strategy = ANY (ARRAY[i.strategy]) AND p.venue = i.venue AND p.account = i.account AND p.market = i.market
            AND p.outcome = i.outcome),
       'accounts', (SELECT json_agg(json_build_array(a.venue, a.account, (a.cash - a.reserved)::text))
          FROM (SELECT DISTINCT venue, account FROM unnest(venues, accounts) AS i(venue, account)) AS k
          JOIN accounts AS a USING (venue, account)),
       'venues', (SELECT json_agg(json_build_array(v.venue, v.account, v.state, v.message, v.reconciled_at IS NOT NULL))
          FROM (SELECT DISTINCT venue, account FROM unnest(venues, accounts) AS i(venue, account)) AS k
          JOIN venue_states AS v USING (venue, account)),
       'exposures', (SELECT json_agg(r) FROM (
          SELECT json_build_array(e.mode, coalesce(e.strategy, ''), sum(e.held_cost + e.working_cost)::text, sum(e.working_orders)) AS r
          FROM exposures AS e WHERE e.mode = ANY(modes)${sumsBy('e')}) AS sums),
       'rates', (SELECT json_agg(json_build_array(m, admissions_in_minute_before(at_time, 'orderRate', 'mode:' || m))) FROM unnest(modes) AS m),
       'streaks', (SELECT json_agg(json_build_array(s.mode, s.strategy, s.losses)) FROM losing_streaks AS s
          WHERE s.mode = ANY(modes) AND (of_strategies IS NULL OR s.strategy = ANY(of_strategies))),
       'runCaps', (SELECT json_agg(r) FROM (
          SELECT json_build_array(mode, strategy, min(max_position)::text) AS r FROM runs
          WHERE status = 'RUNNING' AND mode = ANY(modes) GROUP BY mode, strategy) AS caps),
       -- Results and marks in one statement, so of one instant: a sale that is booked between two would be in neither.
       'results', (SELECT json_agg(r) FROM (
          SELECT json_build_array(d.mode, coalesce(d.strategy, ''), sum(d.loss)::text, sum(d.realized - d.fees)::text) AS r
          FROM daily_results AS d WHERE d.mode = ANY(modes) AND d.day = today${sumsBy('d')}) AS sums),
       'marks', CASE WHEN with_marks THEN (SELECT json_agg(r) FROM (
          SELECT json_build_array(p.mode, coalesce(p.strategy, ''), round(sum(p.quantity * coalesce(q.mark, 0) - p.cost_basis), 8)::text,
                   round(sum(least(p.quantity * coalesce(q.mark, 0) - p.cost_basis, 0)), 8)::text, bool_or(q.venue IS NULL)) AS r
          -- Apart from the sums, for whose order an index over all positions has a use.
          FROM (SELECT * FROM positions WHERE mode = ANY(modes) AND quantity > 0 AND is_open OFFSET 0) AS p LEFT JOIN market_quotes AS q
            ON q.venue = ANY (ARRAY[p.venue]) AND q.market = p.market AND q.outcome = p.outcome${sumsBy('p')}) AS sums) END,
       'highs', CASE WHEN with_marks THEN (SELECT json_agg(json_build_array(mode, strategy, high::text)) FROM day_highs
          WHERE mode = ANY(modes) AND day = today) END,
       'alike', CASE WHEN repetition_window_ms IS NOT NULL THEN (
         SELECT json_agg(json_build_array(i.n, extract(epoch FROM at_time - (
             SELECT max(o.created_at) FROM orders AS o
             WHERE o.market = markets[i.place] AND o.strategy = strategies[i.place]
               AND o.created_at > at_time - repetition_window_ms * interval '1 millisecond'
               AND o.venue = venues[i.place] AND o.outcome = outcomes[i.place] AND o.side = sides[i.place]
               AND o.type = i.type AND o.price IS NOT DISTINCT FROM i.price AND o.quantity = i.quantity)) * 1000))
         FROM ROWS FROM (json_to_recordset(repetitions) AS (place integer, type text, price numeric, quantity numeric))
              WITH ORDINALITY AS i(place, type, price, quantity, n)) END,
       'counts', CASE WHEN json_array_length(counts) > 0 THEN (
         SELECT json_agg(json_build_array(c.rule, c.kind, c.name, c.mode, CASE c.rule
           WHEN 'orderRate' THEN (SELECT coalesce(sum(a.orders), 0)::text FROM admissions AS a
             WHERE a.rule = 'orderRate' AND a.scope = 'mode:' || c.mode AND a.at > at_time - interval '60 seconds'
               AND c.name = CASE c.kind WHEN 'strategy' THEN a.strategy WHEN 'venue' THEN a.venue ELSE a.market END)
           WHEN 'cancels' THEN (SELECT count(*)::text FROM orders AS o
             WHERE o.mode = c.mode AND o.cancel_requested_at > at_time - interval '60 seconds'
               AND (c.kind <> 'strategy' OR o.strategy = c.name))
           WHEN 'openOrders' THEN (SELECT count(*)::text FROM orders AS o
             WHERE o.status IN ${WORKING} AND o.mode = c.mode
               AND c.name = CASE c.kind WHEN 'venue' THEN o.venue ELSE o.market END)
           WHEN 'position' THEN (SELECT coalesce(sum(p.cost_basis + p.working_cost), 0)::text FROM positions AS p
             WHERE p.mode = c.mode AND p.is_open AND c.name = CASE c.kind WHEN 'venue' THEN p.venue ELSE p.market END)
           END))
         FROM json_to_recordset(counts) AS c(rule text, kind text, name text, mode text)) END);
   END $$`,
  /*
   * Locks the scopes' switches and the modes' admissions until the transaction ends, then reads. What is stored in this transaction has the
   * time of the reading.
   */
  `CREATE FUNCTION open_order_admission(scopes text[], modes text[], strategies text[], venues text[], accounts text[], markets text[],
       outcomes text[], sides text[], repetitions json, repetition_window_ms numeric, counts json, with_marks boolean, of_strategies text[])
     RETURNS json LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
   DECLARE
     switches json;
     m text;
     at_time timestamptz;
   BEGIN
     PERFORM lock_kill_switches_shared(scopes);
     SELECT json_agg(k) INTO switches FROM kill_switches AS k WHERE k.scope = ANY (scopes) AND k.enabled;
     FOREACH m IN ARRAY modes LOOP
       PERFORM pg_advisory_xact_lock(hashtextextended('interlock admissions orderRate mode:' || m, 0));
     END LOOP;
     at_time := clock_timestamp();
     PERFORM set_config('interlock.admission_time', at_time::text, true);
     RETURN json_build_object('switches', coalesce(switches, '[]'), 'state', read_order_state(at_time, modes, strategies, venues, accounts,
       markets, outcomes, sides, repetitions, repetition_window_ms, counts, with_marks, of_strategies));
   END $$`,
];

const STORING = [
  /*
   * Adds what new orders reserve, under the settings of admit_orders. Most rows are there already; those that are not are made. Rows are locked in sorted order, so that two
   * transactions never wait in a circle.
   */
  `CREATE FUNCTION reserve_for_orders(at_time timestamptz, new_positions json, new_exposures json, new_accounts json) RETURNS void
     LANGUAGE plpgsql VOLATILE AS $$
   DECLARE
     found integer;
     made integer := 0;
   BEGIN
     UPDATE positions AS p
       SET working_buy = p.working_buy + c.buy, working_sell = p.working_sell + c.sell, working_cost = p.working_cost + c.cost,
           updated_at = at_time
       FROM (SELECT * FROM json_to_recordset(new_positions) AS c(strategy text, venue text, account text, market text, outcome text,
                                                                 buy numeric, sell numeric, cost numeric) ORDER BY 1, 2, 3, 4, 5) AS c
       WHERE p.strategy = ANY (ARRAY[c.strategy]) AND p.venue = c.venue AND p.account = c.account AND p.market = c.market AND p.outcome = c.outcome;
     GET DIAGNOSTICS found = ROW_COUNT;
     IF found < json_array_length(new_positions) THEN
       INSERT INTO positions (strategy, venue, account, market, outcome, mode, quantity, cost_basis, working_buy, working_sell, working_cost)
         SELECT strategy, venue, account, market, outcome, mode, 0, 0, buy, sell, cost
         FROM json_to_recordset(new_positions) AS c(strategy text, venue text, account text, market text, outcome text, mode text,
                                                    buy numeric, sell numeric, cost numeric)
         WHERE NOT EXISTS (SELECT FROM positions AS p WHERE p.strategy = ANY (ARRAY[c.strategy]) AND p.venue = c.venue AND p.account = c.account
                             AND p.market = c.market AND p.outcome = c.outcome)
         ORDER BY 1, 2, 3, 4, 5 ON CONFLICT DO NOTHING;
       GET DIAGNOSTICS made = ROW_COUNT;
       PERFORM replay_unless(found + made = json_array_length(new_positions));
     END IF;
     UPDATE exposures AS e
       SET working_cost = e.working_cost + c.cost, working_orders = e.working_orders + c.orders, updated_at = at_time
       FROM (SELECT * FROM json_to_recordset(new_exposures) AS c(mode text, strategy text, cost numeric, orders integer) ORDER BY 1, 2) AS c
       WHERE e.mode = ANY (ARRAY[c.mode]) AND e.strategy = c.strategy;
     GET DIAGNOSTICS found = ROW_COUNT;
     IF found < json_array_length(new_exposures) THEN
       INSERT INTO exposures (mode, strategy, working_cost, working_orders)
         SELECT mode, strategy, cost, orders
         FROM json_to_recordset(new_exposures) AS c(mode text, strategy text, cost numeric, orders integer)
         WHERE NOT EXISTS (SELECT FROM exposures AS e WHERE e.mode = ANY (ARRAY[c.mode]) AND e.strategy = c.strategy)
         ORDER BY 1, 2 ON CONFLICT DO NOTHING;
       GET DIAGNOSTICS made = ROW_COUNT;
       PERFORM replay_unless(found + made = json_array_length(new_exposures));
     END IF;
     UPDATE accounts AS a SET reserved = a.reserved + c.reserved, updated_at = at_time
       FROM (SELECT * FROM json_to_recordset(new_accounts) AS c(venue text, account text, reserved numeric) ORDER BY 1, 2) AS c
       WHERE a.venue = ANY (ARRAY[c.venue]) AND a.account = c.account;
     GET DIAGNOSTICS found = ROW_COUNT;
     IF found < json_array_length(new_accounts) THEN
       INSERT INTO accounts (venue, account, mode, reserved)
         SELECT venue, account, mode, reserved
         FROM json_to_recordset(new_accounts) AS c(venue text, account text, mode text, reserved numeric)
         WHERE NOT EXISTS (SELECT FROM accounts AS a WHERE a.venue = ANY (ARRAY[c.venue]) AND a.account = c.account)
         ORDER BY 1, 2 ON CONFLICT DO NOTHING;
       GET DIAGNOSTICS made = ROW_COUNT;
       PERFORM replay_unless(found + made = json_array_length(new_accounts));
     END IF;
   END $$`,
  // A row that somebody made between two statements was neither found nor made: the whole transaction is to be replayed.
  `CREATE FUNCTION replay_unless(complete boolean) RETURNS void LANGUAGE plpgsql AS $$
   BEGIN
     IF NOT complete THEN RAISE EXCEPTION 'a row was made meanwhile' USING ERRCODE = 'serialization_failure'; END IF;
   END $$`,
  /*
   * Stores orders as admitted (what is false or null may be left out), adds what they reserve, counts them, and tells the senders on the channel. In the transaction of
   * open_order_admission, under its locks, and without one it refuses: should that transaction not have begun, nothing slips past the locks.
   * positions: [{strategy, venue, account, market, outcome, mode, buy, sell, cost, orders}], exposures: [{mode, strategy, cost, orders}],
   * accounts: [{venue, account, mode, reserved}]; no key twice. Returns when the orders were created.
   */
  `CREATE FUNCTION admit_orders(admitted json, new_positions json, new_exposures json, new_accounts json, channel text)
     RETURNS timestamptz LANGUAGE plpgsql VOLATILE ${PLANNED_ONCE} AS $$
   DECLARE
     opened_at text := coalesce(current_setting('interlock.admission_time', true), '');
     at_time timestamptz;
     counter admission_counters;
     of_mode text;
     added integer;
   BEGIN
     IF opened_at = '' THEN RAISE EXCEPTION 'orders are stored in the transaction that was opened for them'; END IF;
     at_time := opened_at::timestamptz;
     INSERT INTO orders (id, client_order_id, run_id, strategy, mode, venue, account, market, outcome, side, type, price, quantity,
                         time_in_force, expires_at, post_only, reduce_only, fee_reserve, status, created_at, updated_at)
       SELECT id, "clientOrderId", "runId", strategy, mode, venue, account, market, outcome, side, type, price, quantity,
              "timeInForce", "expiresAt", coalesce("postOnly", false), coalesce("reduceOnly", false), "feeReserve", 'ADMITTED',
              at_time, at_time
       FROM json_to_recordset(admitted)
         AS o(id uuid, "clientOrderId" text, "runId" uuid, strategy text, mode text, venue text, account text, market text,
              outcome text, side text, type text, price numeric, quantity numeric, "timeInForce" text, "expiresAt" timestamptz,
              "postOnly" boolean, "reduceOnly" boolean, "feeReserve" numeric);
     PERFORM reserve_for_orders(at_time, new_positions, new_exposures, new_accounts);
     FOR of_mode, added IN
       SELECT c.mode, sum(c.orders) FROM json_to_recordset(new_exposures) AS c(mode text, orders integer) GROUP BY 1 ORDER BY 1
     LOOP
       UPDATE admission_counters SET newest = newest + added, newest_at = greatest(newest_at, at_time)
         WHERE rule = 'orderRate' AND scope = 'mode:' || of_mode RETURNING * INTO counter;
       IF NOT FOUND THEN
         INSERT INTO admission_counters (rule, scope, newest, newest_at, oldest_at)
           VALUES ('orderRate', 'mode:' || of_mode, added, at_time, at_time) RETURNING * INTO counter;
       END IF;
       INSERT INTO admissions (rule, scope, number, at, strategy, venue, market, orders)
         SELECT counter.rule, counter.scope, counter.newest - added + sum(p.orders) OVER (ROWS UNBOUNDED PRECEDING), counter.newest_at,
                p.strategy, p.venue, p.market, p.orders
         FROM json_to_recordset(new_positions) AS p(mode text, strategy text, venue text, market text, orders integer)
         WHERE p.mode = of_mode;
       IF counter.oldest_at < counter.newest_at - interval '60 seconds' THEN PERFORM forget_old_admissions(counter, added); END IF;
     END LOOP;
     PERFORM pg_notify(channel, venue) FROM (SELECT DISTINCT venue FROM json_to_recordset(new_accounts) AS a(venue text)) AS venues;
     RETURN at_time;
   END $$`,
];
