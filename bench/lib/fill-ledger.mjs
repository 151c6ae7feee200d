const CHUNK = 100_000;
const SIDE_BY_SIDE = 3;

/**
 * Past trading, as a system has it after a long time: orders, and what guards keep of them.
 * @param strategies how many have an exposure
 */
export async function fillLedger(pool, orders, { mode = 'mock', strategies = Math.ceil(orders / 100) } = {}) {
  const chunks = Array.from({ length: Math.ceil(orders / CHUNK) }, (_, index) => index * CHUNK);
  const work = async () => {
    for (let from = chunks.pop(); from !== undefined; from = chunks.pop()) {
      await pool.query(ORDERS, [from + 1, Math.min(from + CHUNK, orders), mode]);
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work));
  const admissions = Math.ceil(orders / 10);
  await pool.query(ADMISSIONS, [admissions, `mode:${mode}`]);
  await pool.query(ADMISSION_COUNTER, [admissions, `mode:${mode}`]);
  await pool.query(EXPOSURES, [Math.min(strategies, 100_000), mode]);
  await pool.query(DAILY_RESULTS, [mode]);
}

/** Ids in the order of their making, as UUIDv7 are. */
const ORDERS = `
  INSERT INTO orders (id, client_order_id, strategy, mode, venue, market, outcome, side, type, price, quantity, filled_quantity,
                      average_price, time_in_force, status)
  SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'order-' || n, 'strategy-' || n % 100, $3, 'paper',
         'market-' || n % 5000, 'YES', CASE n % 2 WHEN 0 THEN 'BUY' ELSE 'SELL' END, 'limit', 0.5, 10, 10, 0.5, 'GTC', 'FILLED'
  FROM generate_series($1::bigint, $2::bigint) AS n`;

/** Older than the sliding minute, as after a rush: none counts any more. */
const ADMISSIONS = `
  INSERT INTO admissions (rule, scope, number, at)
  SELECT 'orderRate', $2, n, clock_timestamp() - interval '2 hours' FROM generate_series(1, $1::bigint) AS n`;
const ADMISSION_COUNTER = `
  INSERT INTO admission_counters (rule, scope, newest, newest_at)
  VALUES ('orderRate', $2, $1, clock_timestamp() - interval '2 hours')`;
const EXPOSURES = `
  INSERT INTO exposures (mode, strategy, held_cost)
  SELECT $2, 'strategy-' || n, 100 FROM generate_series(1, $1::bigint) AS n`;
/** Two years of 100 strategies. */
const DAILY_RESULTS = `
  INSERT INTO daily_results (mode, day, strategy, realized, fees, loss)
  SELECT $1, current_date - day, 'strategy-' || n, 0, 1, 1
  FROM generate_series(1, 730) AS day, generate_series(1, 100) AS n`;
