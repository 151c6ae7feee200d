import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What guards know of the markets of every venue, and the paper venue's own records: its view of orders, fills, cash and positions,
 * which the ledger is compared with as with any other venue's (docs/safety.md, O5).
 */
export class PaperVenue1764000000008 implements MigrationInterface {
  readonly name = 'PaperVenue1764000000008';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...QUOTES, ...PAPER_VENUE]) await runner.query(statement);
  }

  down(): Promise<void> {
    throw new Error('migrations only go forward; restore a backup instead');
  }
}

const FEES = `rules text NOT NULL CHECK (rules IN ('polymarket', 'kalshi', 'free')),
     fee_rate amount NOT NULL CHECK (fee_rate BETWEEN 0 AND 1),
     fee_exponent amount NOT NULL CHECK (fee_exponent BETWEEN 0 AND 10)`;
const STATUS = `status text NOT NULL CHECK (status IN ('OPEN', 'PAUSED', 'CLOSED'))`;

const QUOTES = [
  `CREATE TABLE market_quotes (
     venue text NOT NULL CHECK (venue ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
     market text NOT NULL,
     outcome text NOT NULL,
     best_bid amount CHECK (best_bid > 0 AND best_bid < 1),
     best_bid_quantity amount CHECK (best_bid_quantity > 0),
     best_ask amount CHECK (best_ask > 0 AND best_ask < 1),
     best_ask_quantity amount CHECK (best_ask_quantity > 0),
     tick amount NOT NULL CHECK (tick > 0 AND tick < 1),
     minimum_quantity amount NOT NULL CHECK (minimum_quantity > 0),
     ${STATUS},
     closes_at timestamptz,
     ${FEES},
     updated_at timestamptz NOT NULL,
     PRIMARY KEY (venue, market, outcome),
     CHECK ((best_bid IS NULL) = (best_bid_quantity IS NULL)),
     CHECK ((best_ask IS NULL) = (best_ask_quantity IS NULL))
   ) WITH (fillfactor = 70)`,
];

const PAPER_VENUE = [
  // The row's lock makes whatever changes the venue happen one after the other. Cash may fall below zero by roundings of fills only.
  `CREATE TABLE paper_accounts (
     account text PRIMARY KEY,
     cash amount NOT NULL,
     reserved amount NOT NULL DEFAULT 0 CHECK (reserved >= 0),
     last_arrival bigint NOT NULL DEFAULT 0,
     last_sequence bigint NOT NULL DEFAULT 0
   ) WITH (fillfactor = 50)`,
  `CREATE TABLE paper_behaviour (
     singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
     latency_ms integer NOT NULL DEFAULT 50 CHECK (latency_ms >= 0),
     acknowledgement text NOT NULL DEFAULT 'normal' CHECK (acknowledgement IN ('normal', 'late', 'lost')),
     reject_rate double precision NOT NULL DEFAULT 0 CHECK (reject_rate BETWEEN 0 AND 1),
     mode text NOT NULL DEFAULT 'open' CHECK (mode IN ('open', 'post-only', 'cancel-only', 'down')),
     seed bigint NOT NULL DEFAULT 0,
     orders_judged bigint NOT NULL DEFAULT 0
   )`,
  `INSERT INTO paper_behaviour DEFAULT VALUES`,
  `CREATE TABLE paper_markets (
     id uuid NOT NULL UNIQUE,
     market text PRIMARY KEY,
     outcomes text[] NOT NULL CHECK (cardinality(outcomes) > 0),
     ${FEES},
     tick amount NOT NULL CHECK (tick > 0 AND tick < 1),
     minimum_quantity amount NOT NULL CHECK (minimum_quantity > 0),
     ${STATUS},
     closes_at timestamptz,
     settled_at timestamptz,
     updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
     CHECK (settled_at IS NULL OR status = 'CLOSED')
   )`,
  // Liquidity of others: [["price", "quantity"], …], best first, as decimal text.
  `CREATE TABLE paper_books (
     market text NOT NULL REFERENCES paper_markets,
     outcome text NOT NULL,
     bids jsonb NOT NULL,
     asks jsonb NOT NULL,
     updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
     PRIMARY KEY (market, outcome)
   ) WITH (fillfactor = 50)`,
  `CREATE TABLE paper_orders (
     id uuid PRIMARY KEY,
     client_key text NOT NULL CONSTRAINT paper_orders_client_key UNIQUE,
     arrival bigint NOT NULL CONSTRAINT paper_orders_arrival UNIQUE,
     market text NOT NULL,
     outcome text NOT NULL,
     side text NOT NULL CHECK (side IN ('BUY', 'SELL')),
     type text NOT NULL CHECK (type IN ('limit', 'market')),
     price amount,
     quantity amount NOT NULL CHECK (quantity > 0),
     filled_quantity amount NOT NULL DEFAULT 0 CHECK (filled_quantity BETWEEN 0 AND quantity),
     time_in_force text NOT NULL CHECK (time_in_force IN ('GTC', 'GTD', 'IOC', 'FOK')),
     expires_at timestamptz,
     post_only boolean NOT NULL,
     reduce_only boolean NOT NULL,
     status text NOT NULL CHECK (status IN ('OPEN', 'PARTIALLY_FILLED', 'FILLED', 'CANCELED', 'REJECTED', 'EXPIRED')),
     reason text,
     queue_ahead amount NOT NULL DEFAULT 0 CHECK (queue_ahead >= 0),
     reserved amount NOT NULL DEFAULT 0 CHECK (reserved >= 0),
     created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
     updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
     CHECK ((status = 'FILLED') = (filled_quantity = quantity)),
     CHECK (status IN ('OPEN', 'PARTIALLY_FILLED') OR reserved = 0)
   )`,
  `CREATE INDEX paper_orders_working ON paper_orders (market, outcome, arrival) WHERE status IN ('OPEN', 'PARTIALLY_FILLED')`,
  `CREATE INDEX paper_orders_expiring ON paper_orders (expires_at)
     WHERE status IN ('OPEN', 'PARTIALLY_FILLED') AND expires_at IS NOT NULL`,
  `CREATE INDEX paper_orders_by_market ON paper_orders (market, arrival DESC)`,
  `CREATE TABLE paper_fills (
     sequence bigint PRIMARY KEY,
     id uuid NOT NULL UNIQUE,
     trade_id uuid NOT NULL,
     order_id uuid NOT NULL REFERENCES paper_orders,
     price amount NOT NULL CHECK (price > 0 AND price < 1),
     quantity amount NOT NULL CHECK (quantity > 0),
     notional amount NOT NULL CHECK (notional >= 0),
     fee amount NOT NULL CHECK (fee >= 0),
     liquidity text NOT NULL CHECK (liquidity IN ('MAKER', 'TAKER')),
     executed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
     UNIQUE (trade_id, order_id)
   )`,
  `CREATE INDEX paper_fills_by_order ON paper_fills (order_id)`,
  // \`promised\`: what working sells hold of it.
  `CREATE TABLE paper_positions (
     market text NOT NULL,
     outcome text NOT NULL,
     quantity amount NOT NULL CHECK (quantity >= 0),
     promised amount NOT NULL DEFAULT 0 CHECK (promised BETWEEN 0 AND quantity),
     PRIMARY KEY (market, outcome)
   )`,
  // Numbered together with fills, so that every fill of the market has a lower number.
  `CREATE TABLE paper_settlements (
     sequence bigint PRIMARY KEY,
     id uuid NOT NULL UNIQUE,
     market text NOT NULL UNIQUE REFERENCES paper_markets,
     payouts jsonb NOT NULL,
     paid amount NOT NULL CHECK (paid >= 0),
     settled_at timestamptz NOT NULL DEFAULT clock_timestamp()
   )`,
];
