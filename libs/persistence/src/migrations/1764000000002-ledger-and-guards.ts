import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The ledger as far as guards read it (orders, fills, positions, exposures, daily results), the numbered admissions, and what the
 * automatic kill switch remembers. Guards read rows that the transactions which change them keep, so that their cost does not
 * depend on how many orders, fills and runs there are (safety.md, G3).
 */
export class LedgerAndGuards1764000000002 implements MigrationInterface {
  readonly name = 'LedgerAndGuards1764000000002';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...LEDGER, ...ADMISSIONS, ...AUTO_KILL_SWITCH]) await runner.query(statement);
  }

  down(): Promise<void> {
    throw new Error('migrations only go forward; restore a backup instead');
  }
}

const MODE = `text NOT NULL CHECK (mode IN ('mock', 'paper', 'live'))`;
const name = (column: string): string => `${column} text NOT NULL CHECK (${column} ~ '^[a-z0-9][a-z0-9._-]{0,63}$')`;

const LEDGER = [
  // Exact, at most 8 decimals (orders.md); too many are refused rather than rounded, and so are NaN and infinities.
  `CREATE DOMAIN amount AS numeric
     CHECK (VALUE > '-Infinity' AND VALUE < 'Infinity' AND scale(trim_scale(VALUE)) <= 8)`,
  `CREATE TABLE orders (
     id uuid PRIMARY KEY,
     client_order_id text CHECK (client_order_id ~ '^[\\x21-\\x7e]{1,64}$'),
     run_id uuid,
     ${name('strategy')},
     mode ${MODE},
     ${name('venue')},
     account text NOT NULL DEFAULT 'default',
     market text NOT NULL,
     outcome text NOT NULL,
     side text NOT NULL CHECK (side IN ('BUY', 'SELL')),
     type text NOT NULL CHECK (type IN ('limit', 'market')),
     price amount CHECK (price > 0 AND price < 1),
     quantity amount NOT NULL CHECK (quantity > 0),
     filled_quantity amount NOT NULL DEFAULT 0 CHECK (filled_quantity BETWEEN 0 AND quantity),
     average_price amount,
     time_in_force text NOT NULL CHECK (time_in_force IN ('GTC', 'GTD', 'IOC', 'FOK')),
     expires_at timestamptz,
     post_only boolean NOT NULL DEFAULT false,
     reduce_only boolean NOT NULL DEFAULT false,
     status text NOT NULL CHECK (status IN ('ADMITTED', 'SUBMITTED', 'OPEN', 'PARTIALLY_FILLED', 'FILLED', 'CANCEL_PENDING',
                                            'CANCELED', 'REJECTED', 'EXPIRED', 'UNKNOWN')),
     reason text,
     venue_order_id text,
     version integer NOT NULL DEFAULT 1 CHECK (version > 0),
     created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
     updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
     CHECK (type = 'market' OR price IS NOT NULL),
     CHECK ((time_in_force = 'GTD') = (expires_at IS NOT NULL)),
     CHECK (NOT post_only OR time_in_force IN ('GTC', 'GTD')),
     CONSTRAINT orders_client_order_id UNIQUE (strategy, client_order_id)
   )`,
  `CREATE INDEX orders_working ON orders (venue, market, outcome, id)
     WHERE status IN ('ADMITTED', 'SUBMITTED', 'OPEN', 'PARTIALLY_FILLED', 'CANCEL_PENDING', 'UNKNOWN')`,
  `CREATE INDEX orders_by_strategy ON orders (strategy, id DESC)`,
  `CREATE INDEX orders_by_run ON orders (run_id, id DESC) WHERE run_id IS NOT NULL`,
  `CREATE TABLE fills (
     id uuid PRIMARY KEY,
     order_id uuid REFERENCES orders,
     ${name('strategy')},
     mode ${MODE},
     ${name('venue')},
     account text NOT NULL DEFAULT 'default',
     venue_trade_id text NOT NULL,
     market text NOT NULL,
     outcome text NOT NULL,
     side text NOT NULL CHECK (side IN ('BUY', 'SELL')),
     price amount NOT NULL CHECK (price BETWEEN 0 AND 1),
     quantity amount NOT NULL CHECK (quantity > 0),
     notional amount NOT NULL CHECK (notional >= 0),
     fee amount NOT NULL DEFAULT 0,
     liquidity text NOT NULL CHECK (liquidity IN ('MAKER', 'TAKER', 'SETTLEMENT')),
     finality text NOT NULL CHECK (finality IN ('PROVISIONAL', 'FINAL', 'VOIDED')),
     realized_pnl amount NOT NULL DEFAULT 0,
     executed_at timestamptz NOT NULL,
     booked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
     CHECK ((liquidity = 'SETTLEMENT') = (order_id IS NULL)),
     CHECK (side = 'SELL' OR realized_pnl = 0)
   )`,
  // O4: one venue trade can fill two of our orders, but each of them, and each settled position, once.
  `CREATE UNIQUE INDEX fills_once_per_order ON fills (venue, account, venue_trade_id, order_id) WHERE order_id IS NOT NULL`,
  `CREATE UNIQUE INDEX fills_once_per_settlement ON fills (venue, account, venue_trade_id, strategy, market, outcome)
     WHERE order_id IS NULL`,
  `CREATE INDEX fills_by_order ON fills (order_id) WHERE order_id IS NOT NULL`,
  `CREATE INDEX fills_by_booking ON fills (booked_at)`,
  `CREATE TABLE positions (
     strategy text NOT NULL,
     venue text NOT NULL,
     account text NOT NULL DEFAULT 'default',
     market text NOT NULL,
     outcome text NOT NULL,
     mode ${MODE},
     quantity amount NOT NULL CHECK (quantity >= 0),
     cost_basis amount NOT NULL CHECK (cost_basis >= 0),
     realized_pnl amount NOT NULL DEFAULT 0,
     fees amount NOT NULL DEFAULT 0,
     working_buy amount NOT NULL DEFAULT 0 CHECK (working_buy >= 0),
     working_sell amount NOT NULL DEFAULT 0 CHECK (working_sell >= 0),
     updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
     PRIMARY KEY (strategy, venue, account, market, outcome),
     CHECK (quantity > 0 OR cost_basis = 0)
   )`,
  // What the position guard compares: cost of what is held, and working buys at their limit price (orders.md, "Exposure").
  `CREATE TABLE exposures (
     mode ${MODE},
     strategy text NOT NULL,
     held_cost amount NOT NULL DEFAULT 0 CHECK (held_cost >= 0),
     working_cost amount NOT NULL DEFAULT 0 CHECK (working_cost >= 0),
     updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
     PRIMARY KEY (mode, strategy)
   )`,
  // `loss` is the absolute sum of the day's negative results, a result being realised profit or loss minus fee.
  `CREATE TABLE daily_results (
     mode ${MODE},
     day date NOT NULL,
     strategy text NOT NULL,
     realized amount NOT NULL DEFAULT 0,
     fees amount NOT NULL DEFAULT 0,
     loss amount NOT NULL DEFAULT 0 CHECK (loss >= 0),
     PRIMARY KEY (mode, day, strategy)
   )`,
  // One row: the time zone in which days are counted, whatever a single process has in its settings.
  `CREATE TABLE risk_day (
     singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
     timezone text NOT NULL
   )`,
  `INSERT INTO risk_day (timezone) VALUES ('UTC')`,
  `CREATE FUNCTION risk_day_of(instant timestamptz) RETURNS date LANGUAGE sql STABLE
     AS 'SELECT (instant AT TIME ZONE timezone)::date FROM risk_day'`,
];

const ADMISSIONS = [
  // The sliding minute (G3): admissions are numbered without gaps per rule and scope, and their times never fall.
  `CREATE TABLE admissions (
     rule text NOT NULL CHECK (rule IN ('orderRate', 'startRate')),
     scope text NOT NULL,
     number bigint NOT NULL CHECK (number > 0),
     at timestamptz NOT NULL,
     PRIMARY KEY (rule, scope, number)
   )`,
  `CREATE INDEX admissions_by_time ON admissions (rule, scope, at, number)`,
  // Where the numbers stand. Known rather than looked for: at the low end of an index, every search would pass over all that was
  // removed there since the last vacuum.
  `CREATE TABLE admission_counters (
     rule text NOT NULL,
     scope text NOT NULL,
     oldest bigint NOT NULL CHECK (oldest > 0),
     newest bigint NOT NULL,
     newest_at timestamptz NOT NULL,
     PRIMARY KEY (rule, scope),
     CHECK (newest >= oldest - 1)
   ) WITH (fillfactor = 50)`,
  /*
   * How many were admitted in the last 60 seconds: the newest number minus the oldest that is still inside, so that two rows are
   * looked at, however many there are. An index condition must not be volatile, hence the variables; and a plan that was made while
   * the table was small must not become a scan of it, hence the setting.
   */
  `CREATE FUNCTION admissions_in_last_minute(of_rule text, of_scope text) RETURNS bigint
     LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
   DECLARE
     counter admission_counters;
     since timestamptz;
     first_inside bigint;
   BEGIN
     SELECT * INTO counter FROM admission_counters WHERE rule = of_rule AND scope = of_scope;
     IF NOT FOUND THEN RETURN 0; END IF;
     since := greatest(clock_timestamp(), counter.newest_at) - interval '60 seconds';
     SELECT number INTO first_inside FROM admissions
       WHERE rule = of_rule AND scope = of_scope AND at > since ORDER BY at, number LIMIT 1;
     RETURN coalesce(greatest(counter.newest - first_inside + 1, 0), 0);
   END $$`,
  /*
   * Stores \`added\` admissions under the next numbers. Hold the lock of open_risk_state. Removes a few more of those older than 60
   * seconds than it adds, so that the table shrinks again after a rush without any transaction paying for all of it.
   */
  `CREATE FUNCTION count_admissions(of_rule text, of_scope text, added integer) RETURNS void
     LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
   DECLARE
     counter admission_counters;
     now_at timestamptz;
     since timestamptz;
     first_inside bigint;
     first_kept bigint;
   BEGIN
     INSERT INTO admission_counters VALUES (of_rule, of_scope, 1, 0, '-infinity') ON CONFLICT DO NOTHING;
     SELECT * INTO counter FROM admission_counters WHERE rule = of_rule AND scope = of_scope FOR UPDATE;
     now_at := greatest(clock_timestamp(), counter.newest_at);
     since := now_at - interval '60 seconds';
     INSERT INTO admissions (rule, scope, number, at)
       SELECT of_rule, of_scope, counter.newest + n, now_at FROM generate_series(1, added) AS n;
     SELECT number INTO first_inside FROM admissions
       WHERE rule = of_rule AND scope = of_scope AND at > since ORDER BY at, number LIMIT 1;
     first_kept := least(first_inside, counter.oldest + 2 * added + 16);
     DELETE FROM admissions
       WHERE rule = of_rule AND scope = of_scope AND number >= counter.oldest AND number < first_kept;
     UPDATE admission_counters SET oldest = first_kept, newest = counter.newest + added, newest_at = now_at
       WHERE rule = of_rule AND scope = of_scope;
   END $$`,
  /*
   * Locks and reads in one call. VOLATILE, so that each of its statements sees what was committed before it began, after the lock
   * that is (K2's reason). \`counted_rule\` is the rule under which the caller will count, null when it only checks.
   */
  `CREATE FUNCTION open_risk_state(modes text[], counted_rule text)
     RETURNS TABLE (mode text, daily_loss text, orders_in_last_minute text, starts_in_last_minute text)
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

const AUTO_KILL_SWITCH = [
  `CREATE TABLE run_failure_streaks (
     scope text PRIMARY KEY,
     failures integer NOT NULL CHECK (failures >= 0),
     switch_version integer NOT NULL
   )`,
  `CREATE TABLE pipeline_latencies (
     pipeline text PRIMARY KEY,
     average_ms double precision NOT NULL CHECK (average_ms >= 0 AND average_ms < 'Infinity'),
     samples integer NOT NULL CHECK (samples > 0)
   )`,
  `CREATE TABLE auto_kill_switch_trips (
     id uuid PRIMARY KEY,
     cause text NOT NULL CONSTRAINT auto_kill_switch_trips_cause UNIQUE,
     rule text NOT NULL,
     reason text NOT NULL,
     details jsonb NOT NULL,
     run_id uuid,
     switch_version integer NOT NULL,
     created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
     carried_out_at timestamptz,
     changed_switch boolean,
     CHECK ((carried_out_at IS NULL) = (changed_switch IS NULL))
   )`,
  `CREATE INDEX auto_kill_switch_trips_pending ON auto_kill_switch_trips (id) WHERE carried_out_at IS NULL`,
  /*
   * What the automatic switch judges a run's end by, read under a lock that its judges share, so that counters are exact over
   * replicas. \`version\` 0 is a switch that nobody has touched.
   */
  `CREATE FUNCTION open_auto_kill_switch(of_mode text, of_pipeline text)
     RETURNS TABLE (switch_enabled boolean, switch_version integer, failures integer, failures_since_version integer,
                    average_ms double precision, samples integer, day text, daily_loss text)
     LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
   DECLARE
     today date;
   BEGIN
     PERFORM pg_advisory_xact_lock(hashtextextended('interlock auto kill switch', 0));
     today := risk_day_of(clock_timestamp());
     SELECT k.enabled, k.version INTO switch_enabled, switch_version FROM kill_switches AS k WHERE k.scope = 'global';
     switch_enabled := coalesce(switch_enabled, false);
     switch_version := coalesce(switch_version, 0);
     SELECT s.failures, s.switch_version INTO failures, failures_since_version
       FROM run_failure_streaks AS s WHERE s.scope = 'mode:' || of_mode;
     SELECT l.average_ms, l.samples INTO average_ms, samples FROM pipeline_latencies AS l WHERE l.pipeline = of_pipeline;
     day := today::text;
     daily_loss := CASE WHEN today IS NOT NULL THEN
       (SELECT coalesce(sum(r.loss), 0)::text FROM daily_results AS r WHERE r.mode = of_mode AND r.day = today) END;
     RETURN NEXT;
   END $$`,
];
