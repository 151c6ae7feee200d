import type { FlattenStatus } from '../../libs/orders/src/flatten/flatten-plan.js';
import type { ClusterDatabase } from '../support/cluster-database.js';
import { LEAST_QUANTITY } from './order-schedule.js';

/** A flatten plan as it is in the end. Times are milliseconds since 1970. */
export interface PlanRow {
  readonly id: string;
  readonly scope: string;
  readonly status: FlattenStatus;
  readonly failure: string | null;
  readonly ordersCanceled: number;
  readonly positionsLeft: number;
  readonly createdAt: number;
  readonly finishedAt: number | null;
}

/** What a trigger saw under a plan's scope in the transaction that ended the plan. */
export interface PlanEnd {
  readonly planId: string;
  readonly status: FlattenStatus;
  /** Whether the scope's switch was on. */
  readonly isOn: boolean;
  /** Positions with shares, and those of them that a market would take. */
  readonly held: number;
  readonly sellable: number;
  /** Orders that worked. */
  readonly working: number;
}

export interface FlattenEvidence {
  readonly plans: ReadonlyMap<string, PlanRow>;
  readonly planEnds: readonly PlanEnd[];
  readonly planEvents: readonly { readonly event: string; readonly planId: string }[];
}

/** The plan that an order of this key sells for; undefined when it is nobody's sale. */
export function planOfSale(key: string | null): string | undefined {
  return /^flatten-([0-9a-f-]{36})-\d+-\d+$/.exec(key ?? '')?.[1];
}

const UNDER = (table: string) =>
  `NEW.scope IN ('global', 'mode:' || ${table}.mode, 'venue:' || ${table}.venue, 'strategy:' || ${table}.strategy)`;

/** The table and the trigger by which the suite sees plans end. */
export const FLATTEN_TRIGGERS = `
  CREATE TABLE chaos_flattens (seq bigint GENERATED ALWAYS AS IDENTITY, plan_id uuid, status text, is_on boolean, held integer,
                               sellable integer, working integer);
  CREATE FUNCTION chaos_flatten_changed() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO chaos_flattens (plan_id, status, is_on, held, sellable, working)
      SELECT NEW.id, NEW.status, EXISTS (SELECT 1 FROM kill_switches AS k WHERE k.scope = NEW.scope AND k.enabled),
             count(*) FILTER (WHERE p.quantity > 0), count(*) FILTER (WHERE p.quantity >= ${LEAST_QUANTITY}),
             (SELECT count(*) FROM orders AS o
              WHERE o.status NOT IN ('FILLED', 'CANCELED', 'REJECTED', 'EXPIRED') AND ${UNDER('o')})
      FROM positions AS p WHERE ${UNDER('p')};
    RETURN NULL;
  END $$;
  CREATE TRIGGER chaos AFTER UPDATE ON flatten_plans FOR EACH ROW WHEN (OLD.status <> NEW.status)
    EXECUTE FUNCTION chaos_flatten_changed();`;

const MILLISECONDS = (column: string) => `extract(epoch FROM ${column})::float8 * 1000`;

export async function readFlattenEvidence(database: ClusterDatabase): Promise<FlattenEvidence> {
  const plans = await database.query<PlanRow>(
    `SELECT id, scope, status, failure, orders_canceled AS "ordersCanceled", positions_left AS "positionsLeft",
            ${MILLISECONDS('created_at')} AS "createdAt", ${MILLISECONDS('finished_at')} AS "finishedAt"
     FROM flatten_plans ORDER BY created_at`,
  );
  return {
    plans: new Map(plans.map((plan) => [plan.id, plan])),
    planEnds: await database.query(
      `SELECT plan_id AS "planId", status, is_on AS "isOn", held, sellable, working FROM chaos_flattens ORDER BY seq`,
    ),
    planEvents: await database.query(
      `SELECT event, details->>'planId' AS "planId" FROM ops_events WHERE event LIKE 'flatten%' ORDER BY id`,
    ),
  };
}
