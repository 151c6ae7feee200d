import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What kill switches did to orders and who chases those that are left; plans that work positions down. */
export class SweepsAndFlattenPlans1764000000012 implements MigrationInterface {
  readonly name = 'SweepsAndFlattenPlans1764000000012';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  down(): Promise<void> {
    throw new Error('migrations only go forward; restore a backup instead');
  }
}

const STATEMENTS = [
  // What a switch has ended since it was turned, found without passing over all orders.
  `CREATE INDEX orders_ended_by_switch ON orders (updated_at) WHERE reason = 'KILL_SWITCH'`,
  /*
   * One row per scope. Which worker chases the orders that its switch forbids, by lease. And of which change of the switch an event
   * has told the effect, with how many orders were left unknown: 0 again once an event has told that they have ended.
   */
  `CREATE TABLE kill_switch_sweeps (
     scope text PRIMARY KEY,
     chaser text NOT NULL DEFAULT '',
     chased_until timestamptz NOT NULL DEFAULT '-infinity',
     told_version integer NOT NULL DEFAULT 0,
     orders_unknown integer NOT NULL DEFAULT 0 CHECK (orders_unknown >= 0)
   )`,
  // A plan is carried out by one worker at a time: the lease's epoch is in every write of it (safety.md, R4).
  `CREATE TABLE flatten_plans (
     id uuid PRIMARY KEY,
     scope text NOT NULL,
     collar amount CHECK (collar >= 0),
     reason text,
     created_by text NOT NULL,
     status text NOT NULL DEFAULT 'RUNNING' CHECK (status IN ('RUNNING', 'DONE', 'FAILED')),
     failure text,
     orders_canceled integer NOT NULL DEFAULT 0 CHECK (orders_canceled >= 0),
     positions_left integer NOT NULL CHECK (positions_left >= 0),
     worker text NOT NULL DEFAULT '',
     epoch bigint NOT NULL DEFAULT 0,
     leased_until timestamptz NOT NULL DEFAULT '-infinity',
     created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
     finished_at timestamptz,
     CHECK ((status = 'RUNNING') = (finished_at IS NULL)),
     CHECK ((status = 'FAILED') = (failure IS NOT NULL))
   )`,
  `CREATE UNIQUE INDEX flatten_plans_running ON flatten_plans (scope) WHERE status = 'RUNNING'`,
  /*
   * The positions that a plan sells. \`attempt\` is the number of the sale that is tried now, \`reference_bid\` the best bid when the plan
   * began: null until there is one.
   */
  `CREATE TABLE flatten_positions (
     plan_id uuid NOT NULL REFERENCES flatten_plans,
     number integer NOT NULL,
     strategy text NOT NULL,
     venue text NOT NULL,
     account text NOT NULL,
     market text NOT NULL,
     outcome text NOT NULL,
     reference_bid amount,
     attempt integer NOT NULL DEFAULT 1 CHECK (attempt > 0),
     PRIMARY KEY (plan_id, number),
     UNIQUE (plan_id, strategy, venue, account, market, outcome)
   )`,
];
