import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The journal of balanced postings, from which positions, cash and profit can be rebuilt, and the cash of each account. Fills from
 * before become postings.
 */
export class Journal1764000000007 implements MigrationInterface {
  readonly name = 'Journal1764000000007';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  down(): Promise<void> {
    throw new Error('migrations only go forward; restore a backup instead');
  }
}

const STATEMENTS = [
  // The highest fee that the whole order can cost: reserved with its value while it works.
  `ALTER TABLE orders ADD COLUMN fee_reserve amount NOT NULL DEFAULT 0 CHECK (fee_reserve >= 0)`,
  // What the average price comes from, exactly.
  `ALTER TABLE orders ADD COLUMN filled_notional amount NOT NULL DEFAULT 0 CHECK (filled_notional >= 0)`,
  `UPDATE orders SET filled_notional = f.notional FROM (SELECT order_id, sum(notional) AS notional FROM fills GROUP BY order_id) AS f
     WHERE orders.id = f.order_id`,
  `CREATE INDEX orders_by_market ON orders (venue, market, id DESC)`,
  `CREATE TABLE accounts (
     venue text NOT NULL,
     account text NOT NULL DEFAULT 'default',
     mode text NOT NULL CHECK (mode IN ('mock', 'paper', 'live')),
     cash amount NOT NULL DEFAULT 0,
     reserved amount NOT NULL DEFAULT 0 CHECK (reserved >= 0),
     updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
     PRIMARY KEY (venue, account)
   )`,
  /*
   * A posting is a set of entries, one per account that it touches: debits above zero, credits below, in sum zero (the constraint).
   * \`number\` is the order of booking: it is given while the position is locked, so that postings of one position are numbered
   * in the order in which they were applied.
   */
  `CREATE TABLE postings (
     number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     kind text NOT NULL CHECK (kind IN ('DEPOSIT', 'FILL', 'SETTLEMENT', 'VOID')),
     fill_id uuid REFERENCES fills,
     mode text NOT NULL,
     venue text NOT NULL,
     account text NOT NULL,
     strategy text,
     market text,
     outcome text,
     shares amount NOT NULL,
     cash amount NOT NULL,
     cost amount NOT NULL,
     realized amount NOT NULL,
     fees amount NOT NULL,
     capital amount NOT NULL,
     booked_at timestamptz NOT NULL,
     CONSTRAINT postings_balance CHECK (cash + cost + realized + fees + capital = 0),
     CHECK ((kind = 'DEPOSIT') = (fill_id IS NULL)),
     CHECK (kind = 'DEPOSIT' OR (strategy IS NOT NULL AND market IS NOT NULL AND outcome IS NOT NULL))
   )`,
  `CREATE INDEX postings_by_booking ON postings (booked_at)`,
  `CREATE UNIQUE INDEX postings_once_per_fill ON postings (fill_id, kind)`,
  `CREATE INDEX postings_by_position ON postings (strategy, venue, account, market, outcome, number)`,
  `CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     RAISE EXCEPTION '% only grows: its rows are never changed or removed', TG_TABLE_NAME;
   END $$`,
  `CREATE TRIGGER postings_only_grow BEFORE UPDATE OR DELETE ON postings FOR EACH ROW EXECUTE FUNCTION refuse_change()`,
  `INSERT INTO postings (kind, fill_id, mode, venue, account, strategy, market, outcome, shares, cash, cost, realized, fees, capital,
                         booked_at)
     SELECT CASE WHEN liquidity = 'SETTLEMENT' THEN 'SETTLEMENT' ELSE 'FILL' END, id, mode, venue, account, strategy, market, outcome,
            CASE WHEN side = 'BUY' THEN quantity ELSE -quantity END,
            CASE WHEN side = 'BUY' THEN -notional ELSE notional END - fee,
            CASE WHEN side = 'BUY' THEN notional ELSE realized_pnl - notional END,
            -realized_pnl, fee, 0, booked_at
     FROM fills ORDER BY booked_at, id`,
  `INSERT INTO accounts (venue, account, mode, cash)
     SELECT venue, account, min(mode), sum(cash) FROM postings GROUP BY venue, account`,
  /*
   * Adds to the sums that guards read, in one call: what positions promise to working orders, exposures, cash of accounts. Rows that
   * are missing are made. Changes are summed per row and applied in sorted order, so that two transactions never wait in a circle.
   */
  `CREATE FUNCTION change_sums(changes jsonb) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
   DECLARE
     c record;
   BEGIN
     FOR c IN
       SELECT strategy, venue, account, market, outcome, min(mode) AS mode, sum(buy) AS buy, sum(sell) AS sell
       FROM jsonb_to_recordset(changes) AS r(strategy text, venue text, account text, market text, outcome text, mode text,
                                             buy numeric, sell numeric)
       GROUP BY strategy, venue, account, market, outcome HAVING sum(buy) <> 0 OR sum(sell) <> 0 ORDER BY 1, 2, 3, 4, 5
     LOOP
       UPDATE positions AS p SET working_buy = p.working_buy + c.buy, working_sell = p.working_sell + c.sell,
              updated_at = clock_timestamp()
         WHERE (p.strategy, p.venue, p.account, p.market, p.outcome) = (c.strategy, c.venue, c.account, c.market, c.outcome);
       IF NOT FOUND THEN
         INSERT INTO positions (strategy, venue, account, market, outcome, mode, quantity, cost_basis, working_buy, working_sell)
           VALUES (c.strategy, c.venue, c.account, c.market, c.outcome, c.mode, 0, 0, c.buy, c.sell);
       END IF;
     END LOOP;
     FOR c IN
       SELECT mode, strategy, sum("heldCost") AS held_cost, sum(cost) AS working_cost
       FROM jsonb_to_recordset(changes) AS r(mode text, strategy text, "heldCost" numeric, cost numeric)
       GROUP BY mode, strategy HAVING sum("heldCost") <> 0 OR sum(cost) <> 0 ORDER BY 1, 2
     LOOP
       INSERT INTO exposures (mode, strategy) VALUES (c.mode, c.strategy) ON CONFLICT DO NOTHING;
       UPDATE exposures AS e SET held_cost = e.held_cost + c.held_cost, working_cost = e.working_cost + c.working_cost,
              updated_at = clock_timestamp()
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
