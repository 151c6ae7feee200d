import type { Scope } from '@interlock/kill-switch';
import { type Amount, amount, type Transaction } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import type { PositionKey } from '../ledger/entries.js';
import { isWorking, type OrderStatus } from '../order.js';
import { isForbiddenBy, isUnder, IS_WORKING } from '../sweep/orders-under.js';
import { type FlattenPlanView, type FlattenStatus, saleIdOf } from './flatten-plan.js';

/** A plan whose worker is lost is carried on by another one after this. Longer than a step takes. */
const LEASE = `interval '8 seconds'`;

interface PlanRow {
  id: string;
  scope: Scope;
  status: FlattenStatus;
  collar: string | null;
  failure: string | null;
  orders_canceled: number;
  positions_left: number;
  created_at: Date;
  finished_at: Date | null;
}

const SHOWN = 'id, scope, status, collar::text, failure, orders_canceled, positions_left, created_at, finished_at';

/** A plan while a worker carries it on. Whatever it writes names the epoch, and is refused once there is a later one. */
export interface HeldPlan {
  readonly id: string;
  readonly epoch: string;
  readonly scope: Scope;
  readonly collar: Amount | null;
  readonly createdBy: string;
  readonly createdAt: Date;
}

/** A position of a plan, and how far its sale has come. */
export interface PlanPosition extends PositionKey {
  /** Within the plan, from 1. */
  readonly number: number;
  readonly quantity: Amount;
  /** Shares that working orders promise to sell. */
  readonly promised: Amount;
  readonly referenceBid: Amount | null;
  /** Number of the sale that is tried now. */
  readonly attempt: number;
  /** Of that sale's order: none is placed, it works, or it has ended. */
  readonly sale: 'none' | 'working' | 'ended';
}

type PositionRow = Omit<PlanPosition, 'quantity' | 'promised' | 'referenceBid' | 'sale'> & {
  quantity: string;
  promised: string;
  referenceBid: string | null;
};

/** Somebody else carries the plan on by now, or it has ended. */
export class PlanLost extends Error {}

/** The rows of plans. */
@Injectable()
export class FlattenPlans {
  /** Stores a plan for the positions under its scope, with the bids that its collar goes by. */
  async insert(
    tx: Transaction,
    plan: { id: string; scope: Scope; collar: string | null; reason: string | null; createdBy: string },
  ): Promise<FlattenPlanView> {
    const [row] = await tx.query<PlanRow[]>(
      `INSERT INTO flatten_plans (id, scope, collar, reason, created_by, positions_left)
       SELECT $1, $2, $3, $4, $5, count(*) FROM positions WHERE quantity > 0 AND is_open AND ${isUnder('$2::text', 'positions')}
       RETURNING ${SHOWN}`,
      [plan.id, plan.scope, plan.collar, plan.reason, plan.createdBy],
    );
    if (row === undefined) throw new Error('the plan was not stored');
    await addPositions(tx, plan);
    return viewOf(row);
  }

  async findRunning(tx: Transaction, scope: Scope): Promise<FlattenPlanView | undefined> {
    const rows = await tx.query<PlanRow[]>(
      `SELECT ${SHOWN} FROM flatten_plans WHERE scope = $1 AND status = 'RUNNING'`,
      [scope],
    );
    return rows.map(viewOf)[0];
  }

  async find(tx: Transaction, planId: string): Promise<FlattenPlanView | undefined> {
    return (await tx.query<PlanRow[]>(`SELECT ${SHOWN} FROM flatten_plans WHERE id = $1`, [planId])).map(viewOf)[0];
  }

  /** Takes or keeps the running plans that no other worker holds. */
  async hold(tx: Transaction, worker: string): Promise<HeldPlan[]> {
    const [rows] = await tx.query<[(Omit<HeldPlan, 'collar'> & { collar: string | null })[], number]>(
      `UPDATE flatten_plans SET worker = $1, leased_until = clock_timestamp() + ${LEASE},
              epoch = CASE WHEN worker = $1 THEN epoch ELSE epoch + 1 END
       WHERE status = 'RUNNING' AND (worker = $1 OR leased_until < clock_timestamp())
       RETURNING id, epoch::text, scope, collar::text, created_by AS "createdBy", created_at AS "createdAt"`,
      [worker],
    );
    return rows.map((row) => ({ ...row, collar: row.collar === null ? null : amount(row.collar) }));
  }

  /** Lets another worker go on at once. */
  async release(tx: Transaction, worker: string): Promise<void> {
    await tx.query(
      `UPDATE flatten_plans SET worker = '', leased_until = '-infinity' WHERE status = 'RUNNING' AND worker = $1`,
      [worker],
    );
  }

  /** @throws PlanLost */
  async confirm(tx: Transaction, { id, epoch }: HeldPlan): Promise<void> {
    const rows = await tx.query<unknown[]>(
      `SELECT 1 FROM flatten_plans WHERE id = $1 AND epoch = $2 AND status = 'RUNNING' FOR UPDATE`,
      [id, epoch],
    );
    if (rows.length === 0) throw new PlanLost(`the plan ${id} is no longer this worker's`);
  }

  /** The positions under the scope that hold shares, those that came since the plan began included. Confirm first. */
  async positions(tx: Transaction, { id, scope }: HeldPlan): Promise<PlanPosition[]> {
    await addPositions(tx, { id, scope });
    await tx.query(
      `UPDATE flatten_positions AS f SET reference_bid = q.best_bid FROM market_quotes AS q
       WHERE f.plan_id = $1 AND f.reference_bid IS NULL AND q.best_bid IS NOT NULL
         AND (q.venue, q.market, q.outcome) = (f.venue, f.market, f.outcome)`,
      [id],
    );
    const rows = await tx.query<PositionRow[]>(
      `SELECT number, strategy, venue, account, market, outcome, p.quantity::text, p.working_sell::text AS promised,
              f.reference_bid::text AS "referenceBid", f.attempt
       FROM flatten_positions AS f JOIN positions AS p USING (strategy, venue, account, market, outcome)
       WHERE f.plan_id = $1 AND p.quantity > 0 ORDER BY number`,
      [id],
    );
    const sales = await this.sales(tx, id, rows);
    return rows.map(({ quantity, promised, referenceBid, ...row }) => {
      const status = sales.get(`${row.strategy} ${saleIdOf(id, row.number, row.attempt)}`);
      return {
        ...row,
        quantity: amount(quantity),
        promised: amount(promised),
        referenceBid: referenceBid === null ? null : amount(referenceBid),
        sale: status === undefined ? 'none' : isWorking(status) ? 'working' : 'ended',
      };
    });
  }

  private async sales(tx: Transaction, planId: string, of: readonly PositionRow[]): Promise<Map<string, OrderStatus>> {
    const found = await tx.query<{ key: string; status: OrderStatus }[]>(
      `SELECT strategy || ' ' || client_order_id AS key, status FROM orders
       WHERE (strategy, client_order_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))`,
      [of.map(({ strategy }) => strategy), of.map(({ number, attempt }) => saleIdOf(planId, number, attempt))],
    );
    return new Map(found.map(({ key, status }) => [key, status]));
  }

  /** The present sale of these positions is over: the next attempt is another order. */
  async beginNextAttempts(tx: Transaction, planId: string, numbers: readonly number[]): Promise<void> {
    if (numbers.length === 0) return;
    await tx.query('UPDATE flatten_positions SET attempt = attempt + 1 WHERE plan_id = $1 AND number = ANY($2)', [
      planId,
      numbers,
    ]);
  }

  async countWorkingOrders(tx: Transaction, scope: Scope): Promise<number> {
    const [row] = await tx.query<{ count: number }[]>(
      `SELECT count(*)::integer AS count FROM orders WHERE ${IS_WORKING} AND ${isForbiddenBy('$1::text', `'halt'`)}`,
      [scope],
    );
    return row?.count ?? 0;
  }

  async storeCanceled(tx: Transaction, { id, epoch }: HeldPlan, ordersCanceled: number): Promise<void> {
    await tx.query(
      `UPDATE flatten_plans SET orders_canceled = greatest(orders_canceled, $3)
       WHERE id = $1 AND epoch = $2 AND status = 'RUNNING'`,
      [id, epoch, ordersCanceled],
    );
  }

  /** @param failure why it cannot go on; undefined: it has done what can be done */
  async storeProgress(tx: Transaction, { id }: HeldPlan, left: number, status: FlattenStatus, failure?: string) {
    const [rows] = await tx.query<[PlanRow[], number]>(
      `UPDATE flatten_plans SET positions_left = $2, status = $3, failure = $4,
              finished_at = CASE WHEN $3 = 'RUNNING' THEN NULL ELSE clock_timestamp() END
       WHERE id = $1 RETURNING ${SHOWN}`,
      [id, left, status, failure ?? null],
    );
    const [row] = rows;
    if (row === undefined) throw new PlanLost(`the plan ${id} is gone`);
    return viewOf(row);
  }
}

function viewOf(row: PlanRow): FlattenPlanView {
  return {
    planId: row.id,
    scope: row.scope,
    status: row.status,
    collar: row.collar === null ? null : amount(row.collar).toFixed(),
    failure: row.failure,
    ordersCanceled: row.orders_canceled,
    positionsLeft: row.positions_left,
    createdAt: row.created_at.toISOString(),
    finishedAt: row.finished_at?.toISOString() ?? null,
  };
}

/** Adds the positions that the plan does not have yet. */
async function addPositions(tx: Transaction, { id, scope }: { id: string; scope: Scope }): Promise<void> {
  await tx.query(
    `INSERT INTO flatten_positions (plan_id, number, strategy, venue, account, market, outcome, reference_bid)
     SELECT $1, (SELECT coalesce(max(number), 0) FROM flatten_positions WHERE plan_id = $1)
                + row_number() OVER (ORDER BY strategy, venue, account, market, outcome),
            strategy, venue, account, market, outcome, best_bid
     FROM positions LEFT JOIN market_quotes USING (venue, market, outcome)
     WHERE quantity > 0 AND is_open AND ${isUnder('$2::text', 'positions')}
       AND NOT EXISTS (SELECT 1 FROM flatten_positions AS f WHERE f.plan_id = $1
         AND (f.strategy, f.venue, f.account, f.market, f.outcome)
           = (positions.strategy, positions.venue, positions.account, positions.market, positions.outcome))`,
    [id, scope],
  );
}
