import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Today's results and what open positions are worth are read in one statement, so of one instant. Read one after the other, a sale that is
 * booked in between is in neither of them, and a loss of any size is not seen (docs/safety.md, G1).
 */
export class LossesOfOneInstant1764000000018 implements MigrationInterface {
  readonly name = 'LossesOfOneInstant1764000000018';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  down(): Promise<void> {
    throw new Error('migrations only go forward; restore a backup instead');
  }
}

const STATEMENTS = [
  `ALTER FUNCTION read_order_state(jsonb, jsonb, boolean, numeric) RENAME TO read_order_sums`,
  `CREATE FUNCTION read_order_state(intents jsonb, counts jsonb, with_marks boolean, duplicate_window_ms numeric) RETURNS jsonb
     LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
   DECLARE
     result jsonb := read_order_sums(intents, counts, false, duplicate_window_ms);
     today date := result->>'day';
     modes text[] := ARRAY(SELECT DISTINCT i->>'mode' FROM jsonb_array_elements(intents) AS i);
   BEGIN
     IF NOT with_marks THEN RETURN result; END IF;
     RETURN result || jsonb_build_object(
       'results', (SELECT jsonb_agg(jsonb_build_array(mode, strategy, loss::text, (realized - fees)::text))
                   FROM daily_results WHERE mode = ANY(modes) AND day = today),
       'marks', (SELECT jsonb_agg(r) FROM (
          SELECT jsonb_build_array(p.mode, p.strategy, round(sum(p.quantity * coalesce(q.best_bid, 0) - p.cost_basis), 8)::text,
                   round(sum(least(p.quantity * coalesce(q.best_bid, 0) - p.cost_basis, 0)), 8)::text, bool_or(q.venue IS NULL)) AS r
          FROM positions AS p LEFT JOIN market_quotes AS q USING (venue, market, outcome)
          WHERE p.mode = ANY(modes) AND p.quantity > 0 GROUP BY p.mode, p.strategy) AS marks),
       'highs', (SELECT jsonb_agg(jsonb_build_array(mode, strategy, high::text)) FROM day_highs
                 WHERE mode = ANY(modes) AND day = today));
   END $$`,
];
