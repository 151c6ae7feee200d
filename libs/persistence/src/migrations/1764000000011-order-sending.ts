import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What sending orders to a venue leaves behind, and who does it: one desk per account, held by one worker at a time. */
export class OrderSending1764000000011 implements MigrationInterface {
  readonly name = 'OrderSending1764000000011';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  down(): Promise<void> {
    throw new Error('migrations only go forward; restore a backup instead');
  }
}

const STATEMENTS = [
  /*
   * `dedupe_key`, `payload`, `send_by`: what is sent, under which key the venue knows it, and after which instant no byte of it leaves,
   * all stored before (safety.md, O1). `cancel_reason`: why it is to be cancelled, with `cancel_requested_at`. `ended_…`: how the venue
   * says that the order ended, while fills that belong to it are still to be booked.
   */
  `ALTER TABLE orders
     ADD COLUMN dedupe_key text,
     ADD COLUMN payload jsonb,
     ADD COLUMN send_by timestamptz,
     ADD COLUMN cancel_reason text,
     ADD COLUMN ended_as text CHECK (ended_as IN ('FILLED', 'CANCELED', 'REJECTED', 'EXPIRED')),
     ADD COLUMN ended_filled amount,
     ADD COLUMN ended_reason text,
     ADD CONSTRAINT orders_ended CHECK ((ended_as IS NULL) = (ended_filled IS NULL))`,
  `CREATE UNIQUE INDEX orders_dedupe_key ON orders (venue, account, dedupe_key) WHERE dedupe_key IS NOT NULL`,
  `CREATE INDEX orders_by_venue_order ON orders (venue, account, venue_order_id) WHERE venue_order_id IS NOT NULL`,
  `CREATE INDEX orders_to_send ON orders (venue, account, created_at, id) WHERE status = 'ADMITTED'`,
  // How far fills and settlements of the account are booked, and which worker does that now, by lease and epoch (safety.md, R4).
  `CREATE TABLE venue_desks (
     venue text NOT NULL,
     account text NOT NULL DEFAULT 'default',
     owner text NOT NULL,
     epoch bigint NOT NULL CHECK (epoch > 0),
     leased_until timestamptz NOT NULL,
     fills_watermark text NOT NULL DEFAULT '0',
     settlements_watermark text NOT NULL DEFAULT '0',
     PRIMARY KEY (venue, account)
   )`,
  /*
   * What the desk found out about its venue, and when. Admission goes by the view: what nobody has looked after for 15 seconds counts
   * as out of reach, else orders would be admitted that nobody sends.
   */
  `ALTER TABLE venue_states RENAME TO venue_conditions`,
  `CREATE VIEW venue_states AS
     SELECT venue, account, reconciled_at, updated_at,
       CASE WHEN is_looked_after THEN state ELSE 'UNREACHABLE' END AS state,
       CASE WHEN is_looked_after THEN message ELSE 'no worker looks after it' END AS message
     FROM (SELECT *, updated_at > clock_timestamp() - interval '15 seconds' AS is_looked_after FROM venue_conditions) AS c`,
];
