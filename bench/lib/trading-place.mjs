/** What callers ask for: purchases of five strategies, each in four markets of its own; none meets another. */
const STRATEGIES = 5;
const MARKETS = 20;
const PRICES = 30;

/** The venue is open, the markets are quoted, and the account has more cash than the orders can cost. */
export async function openMarkets(pool) {
  await pool.query(`INSERT INTO accounts (venue, mode, cash) VALUES ('paper', 'paper', 1e9)`);
  await pool.query(
    `INSERT INTO venue_conditions (venue, state, reconciled_at, updated_at) VALUES ('paper', 'OPEN', now(), 'infinity')`,
  );
  await pool.query(QUOTES, [MARKETS]);
}

const QUOTES = `
  INSERT INTO market_quotes (venue, market, outcome, best_bid, best_bid_quantity, best_ask, best_ask_quantity, tick, minimum_quantity,
                             status, rules, fee_rate, fee_exponent, updated_at)
  SELECT 'paper', 'bench-' || n, outcome, 0.48, 100, 0.52, 100, 0.01, 5, 'OPEN', 'polymarket', 0.03, 1, clock_timestamp()
  FROM generate_series(0, $1::int - 1) AS n, unnest('{YES,NO}'::text[]) AS outcome`;

/** The limits that live orders need, and those that count what works; all of them far away. */
export const LIMITS = {
  ORDER_RATE_LIMIT_PER_MIN: '1000000',
  MAX_POSITION_LIMIT: '1000000000',
  RISK_MAX_ORDER_VALUE: '1000',
  RISK_PRICE_COLLAR: '0.5',
  MARKET_DATA_MAX_AGE_MS: '86400000',
  RISK_MAX_OPEN_ORDERS: '1000000',
  RISK_MAX_STRATEGY_EXPOSURE: '1000000000',
};

/** The n-th order. */
export function orderNumber(n) {
  return {
    strategy: `bench-${n % STRATEGIES}`,
    venue: 'paper',
    market: `bench-${n % MARKETS}`,
    outcome: 'YES',
    side: 'BUY',
    type: 'limit',
    price: `0.${String(10 + (n % PRICES))}`,
    quantity: '10',
    timeInForce: 'GTC',
    expiresAt: null,
    postOnly: false,
    reduceOnly: false,
    clientOrderId: null,
  };
}

/** What others hold beside: 5,000 open positions among 50,000 flat ones, of a hundred strategies. */
export async function holdBeside(pool) {
  await pool.query(POSITIONS);
}

/** What of theirs works: 1,000 orders, some of them in the markets of the rounds. */
export async function workBeside(pool) {
  await pool.query(WORKING_ORDERS);
}

const WORKING_ORDERS = `
  INSERT INTO orders (id, strategy, mode, venue, market, outcome, side, type, price, quantity, time_in_force, status)
  SELECT gen_random_uuid(), 'strategy-' || n % 100, 'paper', 'paper',
         CASE WHEN n % 5 = 0 THEN 'bench-' || n % ${MARKETS} ELSE 'market-' || n % 500 END, 'YES', 'BUY', 'limit',
         (1 + n % 9) / 100.0, 10, 'GTC', 'OPEN'
  FROM generate_series(1, 1000) AS n`;
const POSITIONS = `
  INSERT INTO positions (strategy, venue, market, outcome, mode, quantity, cost_basis)
  SELECT 'strategy-' || n % 100, 'paper', 'market-' || n / 100, 'YES', 'paper', CASE WHEN n % 11 = 0 THEN 10 ELSE 0 END,
         CASE WHEN n % 11 = 0 THEN 5 ELSE 0 END
  FROM generate_series(0, 54999) AS n`;

/** Takes away what a round has placed, so that a later one finds what the first one found. */
export async function forgetRound(pool) {
  const ours = Array.from({ length: STRATEGIES }, (_, n) => `bench-${n}`);
  for (const table of ['orders', 'positions', 'exposures']) {
    await pool.query(`DELETE FROM ${table} WHERE strategy = ANY($1)`, [ours]);
  }
  await pool.query(`UPDATE accounts SET reserved = 0`);
  await pool.query(`DELETE FROM admissions WHERE strategy = ANY($1)`, [ours]);
  await pool.query('DELETE FROM admission_counters');
  await pool.query('TRUNCATE floor_orders');
  await pool.query('VACUUM orders, positions, exposures, accounts, admissions');
}
