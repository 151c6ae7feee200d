/** Amounts are read as text: a JSON number would become a float on its way. */
export const ORDER_COLUMNS = `
  o.id, o.client_key AS "clientKey", o.arrival::double precision AS arrival, o.market, o.outcome, o.side, o.type, o.price::text AS price,
  o.quantity::text AS quantity, o.filled_quantity::text AS "filledQuantity", o.time_in_force AS "timeInForce",
  o.expires_at AS "expiresAt", o.post_only AS "postOnly", o.reduce_only AS "reduceOnly", o.status, o.reason,
  o.queue_ahead::text AS "queueAhead", o.reserved::text AS reserved, o.created_at AS "createdAt"`;

export const IS_WORKING = `o.status IN ('OPEN', 'PARTIALLY_FILLED')`;

const IS_OVER = `${IS_WORKING} AND o.expires_at <= clock_timestamp()`;

export const ANYTHING_OVER = `SELECT EXISTS (SELECT FROM paper_orders AS o WHERE ${IS_OVER}) AS found`;

export const CREATE_ACCOUNT = `INSERT INTO paper_accounts (account, cash) VALUES ('default', $1) ON CONFLICT DO NOTHING`;

/** Whoever changes anything waits here for whoever did before, and then reads, in a later statement, what that left. */
export const LOCK_ACCOUNT = `
  SELECT cash::text, reserved::text, last_arrival::double precision AS "lastArrival", last_sequence::double precision AS "lastSequence"
  FROM paper_accounts WHERE account = 'default' FOR UPDATE`;

export const BEHAVIOUR_COLUMNS = `latency_ms AS "latencyMs", acknowledgement, reject_rate AS "rejectRate", mode,
  seed::double precision AS seed, orders_judged::double precision AS "ordersJudged"`;

export const MARKET_COLUMNS = `
  m.id, m.market, m.outcomes, m.rules, m.fee_rate::text AS "feeRate", m.fee_exponent::double precision AS "feeExponent", m.tick::text AS tick,
  m.minimum_quantity::text AS "minimumQuantity", m.status, m.closes_at AS "closesAt", m.settled_at AS "settledAt",
  m.updated_at AS "updatedAt",
  (SELECT jsonb_object_agg(b.outcome, jsonb_build_object('bids', b.bids, 'asks', b.asks))
   FROM paper_books AS b WHERE b.market = m.market) AS books,
  (SELECT jsonb_object_agg(p.outcome, jsonb_build_object('held', p.quantity::text, 'promised', p.promised::text))
   FROM paper_positions AS p WHERE p.market = m.market) AS positions`;

/**
 * All that a batch of changes needs, in one statement. $1: names of markets; $2: whose working orders, as [{ market, outcome }]
 * with null for any; $3: clients' keys. Orders whose time is over come along, with their markets.
 */
export const READ = `
  WITH touched AS (
    SELECT o.* FROM paper_orders AS o WHERE ${IS_OVER}
    UNION SELECT o.* FROM paper_orders AS o WHERE o.client_key = ANY ($3::text[])
    UNION SELECT o.* FROM paper_orders AS o
      JOIN jsonb_to_recordset($2::jsonb) AS wanted (market text, outcome text)
        ON (wanted.market IS NULL OR o.market = wanted.market) AND (wanted.outcome IS NULL OR o.outcome = wanted.outcome)
      WHERE ${IS_WORKING}
  ),
  named AS (SELECT unnest($1::text[]) AS market UNION SELECT market FROM touched)
  SELECT clock_timestamp() AS now,
    (SELECT to_jsonb(b) FROM (SELECT ${BEHAVIOUR_COLUMNS} FROM paper_behaviour) AS b) AS behaviour,
    (SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY t.arrival), '[]') FROM (SELECT ${ORDER_COLUMNS} FROM touched AS o) AS t) AS orders,
    (SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]')
     FROM (SELECT ${MARKET_COLUMNS} FROM paper_markets AS m JOIN named USING (market)) AS t) AS markets`;

/** Everything that a batch changed, in one statement: a part without rows does nothing. */
export const SAVE = `
  WITH account AS (
    UPDATE paper_accounts SET cash = $1, reserved = $2, last_arrival = $3, last_sequence = $4 WHERE account = 'default'
  ), behaviour AS (
    UPDATE paper_behaviour SET latency_ms = given."latencyMs", acknowledgement = given.acknowledgement, reject_rate = given."rejectRate",
      mode = given.mode, seed = given.seed, orders_judged = given."ordersJudged"
    FROM jsonb_to_record($5::jsonb) AS given (
      "latencyMs" integer, acknowledgement text, "rejectRate" double precision, mode text, seed bigint, "ordersJudged" bigint)
  ), markets AS (
    INSERT INTO paper_markets (id, market, outcomes, rules, fee_rate, fee_exponent, tick, minimum_quantity, status, closes_at, settled_at)
    SELECT id, market, outcomes, rules, "feeRate", "feeExponent", tick, "minimumQuantity", status, "closesAt", "settledAt"
    FROM jsonb_to_recordset($6::jsonb) AS given (
      id uuid, market text, outcomes text[], rules text, "feeRate" numeric, "feeExponent" numeric, tick numeric,
      "minimumQuantity" numeric, status text, "closesAt" timestamptz, "settledAt" timestamptz)
    ON CONFLICT (market) DO UPDATE SET rules = excluded.rules, fee_rate = excluded.fee_rate, fee_exponent = excluded.fee_exponent,
      tick = excluded.tick, minimum_quantity = excluded.minimum_quantity, status = excluded.status,
      closes_at = excluded.closes_at, settled_at = excluded.settled_at, updated_at = excluded.updated_at
  ), books AS (
    INSERT INTO paper_books (market, outcome, bids, asks)
    SELECT market, outcome, bids, asks
    FROM jsonb_to_recordset($7::jsonb) AS given (market text, outcome text, bids jsonb, asks jsonb)
    ON CONFLICT (market, outcome) DO UPDATE SET bids = excluded.bids, asks = excluded.asks, updated_at = excluded.updated_at
  ), positions AS (
    INSERT INTO paper_positions (market, outcome, quantity, promised)
    SELECT market, outcome, held, promised
    FROM jsonb_to_recordset($8::jsonb) AS given (market text, outcome text, held numeric, promised numeric)
    ON CONFLICT (market, outcome) DO UPDATE SET quantity = excluded.quantity, promised = excluded.promised
  ), orders AS (
    INSERT INTO paper_orders (id, client_key, arrival, market, outcome, side, type, price, quantity, filled_quantity, time_in_force,
                              expires_at, post_only, reduce_only, status, reason, queue_ahead, reserved, created_at)
    SELECT id, "clientKey", arrival, market, outcome, side, type, price, quantity, "filledQuantity", "timeInForce",
           "expiresAt", "postOnly", "reduceOnly", status, reason, "queueAhead", reserved, "createdAt"
    FROM jsonb_to_recordset($9::jsonb) AS given (
      id uuid, "clientKey" text, arrival bigint, market text, outcome text, side text, type text, price numeric, quantity numeric,
      "filledQuantity" numeric, "timeInForce" text, "expiresAt" timestamptz, "postOnly" boolean, "reduceOnly" boolean, status text,
      reason text, "queueAhead" numeric, reserved numeric, "createdAt" timestamptz)
    ON CONFLICT (id) DO UPDATE SET filled_quantity = excluded.filled_quantity, status = excluded.status, reason = excluded.reason,
      queue_ahead = excluded.queue_ahead, reserved = excluded.reserved, updated_at = excluded.updated_at
  ), fills AS (
    INSERT INTO paper_fills (sequence, id, trade_id, order_id, price, quantity, notional, fee, liquidity, executed_at)
    SELECT sequence, id, "tradeId", "orderId", price, quantity, notional, fee, liquidity, $12
    FROM jsonb_to_recordset($10::jsonb) AS given (
      sequence bigint, id uuid, "tradeId" uuid, "orderId" uuid, price numeric, quantity numeric, notional numeric, fee numeric,
      liquidity text)
  )
  INSERT INTO paper_settlements (sequence, id, market, payouts, paid, settled_at)
  SELECT sequence, id, market, payouts, paid, $12
  FROM jsonb_to_recordset($11::jsonb) AS given (sequence bigint, id uuid, market text, payouts jsonb, paid numeric)`;
