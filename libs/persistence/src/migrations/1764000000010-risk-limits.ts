import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Limits that people change while trading goes on, and what the guards of single orders read. */
export class RiskLimits1764000000010 implements MigrationInterface {
  readonly name = 'RiskLimits1764000000010';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...LIMITS, ...SUMS, ...ADMISSIONS, ...READING]) await runner.query(statement);
  }

  down(): Promise<void> {
    throw new Error('migrations only go forward; restore a backup instead');
  }
}

const WORKING = `('ADMITTED', 'SUBMITTED', 'OPEN', 'PARTIALLY_FILLED', 'CANCEL_PENDING', 'UNKNOWN')`;

const LIMITS = [
  // \`source\`: the settings give the first values and are followed until a person sets another.
  `CREATE TABLE risk_limits (
     rule text NOT NULL,
     scope text NOT NULL,
     value amount NOT NULL CHECK (value >= 0),
     source text NOT NULL CHECK (source IN ('settings', 'person')),
     reason text,
     changed_by text,
     changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
     PRIMARY KEY (rule, scope)
   )`,
  // A limit that a person has switched off, so that no later start with the same settings brings it back.
  `CREATE TABLE risk_limits_off (
     rule text NOT NULL,
     scope text NOT NULL,
     PRIMARY KEY (rule, scope)
   )`,
  `CREATE TABLE risk_limits_version (
     singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
     version integer NOT NULL
   )`,
  `INSERT INTO risk_limits_version (version) VALUES (0)`,
  `CREATE TABLE losing_streaks (
     mode text NOT NULL,
     strategy text NOT NULL,
     losses integer NOT NULL CHECK (losses >= 0),
     PRIMARY KEY (mode, strategy)
   )`,
  // The day's highest result, open positions at the bid included; strategy '' is the mode as a whole.
  `CREATE TABLE day_highs (
     mode text NOT NULL,
     day date NOT NULL,
     strategy text NOT NULL,
     high amount NOT NULL,
     PRIMARY KEY (mode, day, strategy)
   )`,
  /*
   * Whether orders may go to a venue now. No row, or \`reconciled_at\` null: its start reconciliation has not passed.
   */
  `CREATE TABLE venue_states (
     venue text NOT NULL,
     account text NOT NULL DEFAULT 'default',
     state text NOT NULL CHECK (state IN ('OPEN', 'POST_ONLY', 'CANCEL_ONLY', 'RESTARTING', 'PAUSED', 'UNREACHABLE')),
     message text,
     reconciled_at timestamptz,
     updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
     PRIMARY KEY (venue, account)
   )`,
];

const SUMS = [
  `ALTER TABLE positions ADD COLUMN working_cost amount NOT NULL DEFAULT 0 CHECK (working_cost >= 0)`,
  `ALTER TABLE exposures ADD COLUMN working_orders integer NOT NULL DEFAULT 0 CHECK (working_orders >= 0)`,
  `UPDATE exposures AS e SET working_orders = n.orders
     FROM (SELECT mode, strategy, count(*) AS orders FROM orders WHERE status IN ${WORKING} GROUP BY mode, strategy) AS n
     WHERE (e.mode, e.strategy) = (n.mode, n.strategy)`,
  `CREATE INDEX positions_open ON positions (venue, account, market) WHERE quantity > 0 OR working_buy > 0 OR working_sell > 0`,
  `CREATE INDEX orders_alike ON orders (strategy, venue, market, outcome, created_at)`,
  `CREATE OR REPLACE FUNCTION change_sums(changes jsonb) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
   DECLARE
     c record;
   BEGIN
     FOR c IN
       SELECT strategy, venue, account, market, outcome, min(mode) AS mode, sum(buy) AS buy, sum(sell) AS sell, sum(cost) AS cost
       FROM jsonb_to_recordset(changes) AS r(strategy text, venue text, account text, market text, outcome text, mode text,
                                             buy numeric, sell numeric, cost numeric)
       GROUP BY strategy, venue, account, market, outcome HAVING sum(buy) <> 0 OR sum(sell) <> 0 OR sum(cost) <> 0
       ORDER BY 1, 2, 3, 4, 5
     LOOP
       UPDATE positions AS p SET working_buy = p.working_buy + c.buy, working_sell = p.working_sell + c.sell,
              working_cost = p.working_cost + c.cost, updated_at = clock_timestamp()
         WHERE (p.strategy, p.venue, p.account, p.market, p.outcome) = (c.strategy, c.venue, c.account, c.market, c.outcome);
       IF NOT FOUND THEN
         INSERT INTO positions (strategy, venue, account, market, outcome, mode, quantity, cost_basis, working_buy, working_sell,
                                working_cost)
           VALUES (c.strategy, c.venue, c.account, c.market, c.outcome, c.mode, 0, 0, c.buy, c.sell, c.cost);
       END IF;
     END LOOP;
     FOR c IN
       SELECT mode, strategy, sum("heldCost") AS held_cost, sum(cost) AS working_cost, sum(orders) AS working_orders
       FROM jsonb_to_recordset(changes) AS r(mode text, strategy text, "heldCost" numeric, cost numeric, orders integer)
       GROUP BY mode, strategy HAVING sum("heldCost") <> 0 OR sum(cost) <> 0 OR sum(orders) <> 0 ORDER BY 1, 2
     LOOP
       INSERT INTO exposures (mode, strategy) VALUES (c.mode, c.strategy) ON CONFLICT DO NOTHING;
       UPDATE exposures AS e SET held_cost = e.held_cost + c.held_cost, working_cost = e.working_cost + c.working_cost,
              working_orders = e.working_orders + c.working_orders, updated_at = clock_timestamp()
         WHERE (e.mode, e.strategy) = (c.mode, c.strategy);
     END LOOP;
     FOR c IN
       SELECT venue, account, min(mode) AS mode, sum(cash) AS cash, sum(reserved) AS reserved
       FROM jsonb_to_recordset(changes) AS r(venue text, account text, mode text, cash numeric, reserved numeric)
       GROUP BY venue, account HAVING sum(cash) <> 0 OR sum(reserved) <> 0 ORDER BY 1, 2
     LOOP
       INSERT INTO accounts (venue, account, mode) VALUES (c.venue, c.account, c.mode) ON CONFLICT DO NOTHING;
       UPDATE accounts AS a SET cash = a.cash + c.cash, reserved = a.reserved + c.reserved, updated_at = clock_timestamp()
         WHERE (a.venue, a.account) = (c.venue, c.account);
     END LOOP;
   END $$`,
];

const ADMISSIONS = [
  // Where an order was admitted: narrower limits of the order rate count among the last minute's.
  `ALTER TABLE admissions ADD COLUMN strategy text, ADD COLUMN venue text, ADD COLUMN market text`,
  `ALTER TABLE orders ADD COLUMN cancel_requested_at timestamptz`,
  `CREATE INDEX orders_by_cancel ON orders (mode, cancel_requested_at) WHERE cancel_requested_at IS NOT NULL`,
  // Tells the numbered admissions where they were made, after \`count_admissions\` in the same transaction.
  `CREATE FUNCTION place_admissions(of_rule text, of_scope text, places jsonb) RETURNS void
     LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
   DECLARE
     last_number bigint;
   BEGIN
     SELECT newest INTO last_number FROM admission_counters WHERE rule = of_rule AND scope = of_scope;
     UPDATE admissions AS a SET strategy = p.strategy, venue = p.venue, market = p.market
       FROM (SELECT last_number - jsonb_array_length(places) + ordinality AS number, strategy, venue, market
             FROM ROWS FROM (jsonb_to_recordset(places) AS (strategy text, venue text, market text)) WITH ORDINALITY
               AS r(strategy, venue, market, ordinality)) AS p
       WHERE a.rule = of_rule AND a.scope = of_scope AND a.number = p.number;
   END $$`,
];

const READING = [
  /*
   * What the guards of orders compare with, in one call after the locks: VOLATILE, so that each statement sees what was committed
   * before it began. \`intents\`: [{strategy, mode, venue, account, market, outcome, side, type, price, quantity}]; \`counts\`: narrower
   * limits whose totals are wanted, [{rule, kind, name, mode}]; \`with_marks\`: also what open positions are worth at the bid.
   */
  `CREATE FUNCTION read_order_state(intents jsonb, counts jsonb, with_marks boolean, duplicate_window_ms numeric) RETURNS jsonb
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
            extract(epoch FROM q.closes_at - now_at) * 1000))
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
       'own', (SELECT jsonb_agg(r) FROM (
          SELECT jsonb_build_array(o.venue, o.account, o.market, o.outcome, o.side, min(o.price)::text, max(o.price)::text,
                   bool_or(o.price IS NULL)) AS r
          FROM (SELECT DISTINCT venue, account, market, outcome FROM jsonb_to_recordset(intents)
                  AS i(venue text, account text, market text, outcome text)) AS k
          JOIN orders AS o USING (venue, account, market, outcome)
          WHERE o.status IN ${WORKING} GROUP BY o.venue, o.account, o.market, o.outcome, o.side) AS working));
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
  /*
   * Locks and reads what a batch of orders is judged by: the switches' locks, the switches, the lock under which orders of a mode are
   * admitted, then what \`read_order_state\` reads. Each statement sees what was committed before it began, after the locks (K2, G1).
   */
  `CREATE FUNCTION open_order_admission(scopes text[], intents jsonb, counts jsonb, with_marks boolean, duplicate_window_ms numeric)
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
                               'state', read_order_state(intents, counts, with_marks, duplicate_window_ms));
   END $$`,
  // As before, with the limits that are set.
  `DROP FUNCTION open_risk_state(text[], text)`,
  `CREATE FUNCTION open_risk_state(modes text[], counted_rule text)
     RETURNS TABLE (mode text, daily_loss text, orders_in_last_minute text, starts_in_last_minute text, limits jsonb)
     LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
   DECLARE
     sorted text[] := ARRAY(SELECT DISTINCT m FROM unnest(modes) AS m ORDER BY m);
     m text;
     today date;
   BEGIN
     IF counted_rule IS NOT NULL THEN
       -- Sorted, so that two transactions never wait for each other in a circle.
       FOREACH m IN ARRAY sorted LOOP
         PERFORM pg_advisory_xact_lock(hashtextextended('interlock admissions ' || counted_rule || ' mode:' || m, 0));
       END LOOP;
     END IF;
     today := risk_day_of(clock_timestamp());
     -- None were ever set: no program has booted on this database, and what is not known blocks (G4).
     limits := CASE WHEN (SELECT version FROM risk_limits_version) > 0 THEN
       (SELECT coalesce(jsonb_agg(jsonb_build_array(l.rule, l.scope, l.value::text)), '[]') FROM risk_limits AS l) END;
     FOREACH m IN ARRAY sorted LOOP
       mode := m;
       daily_loss := CASE WHEN today IS NOT NULL THEN
         (SELECT coalesce(sum(r.loss), 0)::text FROM daily_results AS r WHERE r.mode = m AND r.day = today) END;
       orders_in_last_minute := admissions_in_last_minute('orderRate', 'mode:' || m)::text;
       starts_in_last_minute := admissions_in_last_minute('startRate', 'mode:' || m)::text;
       RETURN NEXT;
     END LOOP;
   END $$`,
];
