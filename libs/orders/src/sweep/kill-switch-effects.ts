import { type KillSwitch, type KillSwitchRow, killSwitchOf, type Level, type Scope } from '@interlock/kill-switch';
import { OpsEvents } from '@interlock/ops-events';
import { type Transaction, Transactions } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import { isForbiddenBy, IS_WORKING } from './orders-under.js';
import { type SweepEffect, SweptOrders } from './swept-orders.js';

/** A worker that is lost is followed by another one after this. Longer than a sweep takes. */
const LEASE = `interval '5 seconds'`;
/** A press is answered, and its effect told, within 3 s; what nobody has told by then was a trip, or its process is lost. */
const TOLD_WITHIN = `interval '4 seconds'`;

/** What turning a switch did. */
export interface KillSwitchEffect extends SweepEffect {
  readonly runsAborted: number;
}

/** A switch that is on, with what is still to be done about it. */
export interface SwitchToChase {
  readonly killSwitch: KillSwitch & { level: Level; updatedAt: Date };
  /** Working orders that it forbids. */
  readonly working: number;
  /** True when an event has told of what turning it did. */
  readonly isTold: boolean;
  /** True when it should have been told by now. */
  readonly isOverdue: boolean;
  /** How many orders were left unknown when that was told, and no event has told of their end. */
  readonly leftUnknown: number;
}

type ChaseRow = KillSwitchRow & Pick<SwitchToChase, 'working' | 'isTold' | 'isOverdue' | 'leftUnknown'>;

/** Tells by events what switches did to runs and orders, once per change, and who chases the orders that are left. */
@Injectable()
export class KillSwitchEffects {
  constructor(
    private readonly transactions: Transactions,
    private readonly events: OpsEvents,
    private readonly orders: SweptOrders,
  ) {}

  /** Tells what turning the switch did, unless that was told already, or it did nothing. */
  async tell(killSwitch: KillSwitch, { runsAborted, ordersCanceled, ordersUnknown }: KillSwitchEffect): Promise<void> {
    const { scope, version } = killSwitch;
    await this.transactions.run(async (tx) => {
      const first = await tx.query<unknown[]>(
        `INSERT INTO kill_switch_sweeps AS s (scope, told_version, orders_unknown) VALUES ($1, $2, $3)
         ON CONFLICT (scope) DO UPDATE SET told_version = excluded.told_version, orders_unknown = excluded.orders_unknown
           WHERE s.told_version < excluded.told_version
         RETURNING scope`,
        [scope, version, ordersUnknown],
      );
      const didNothing = runsAborted + ordersCanceled + ordersUnknown === 0;
      if (first.length === 0 || didNothing) return;
      await this.record(tx, killSwitch, { runsAborted, ordersCanceled, ordersUnknown });
    });
  }

  /** Tells that no order works any more that the switch forbids, after some were left unknown. */
  async tellEnd(killSwitch: KillSwitch & { level: Level }): Promise<void> {
    const { scope, version, level, updatedAt } = killSwitch;
    await this.transactions.run(async (tx) => {
      const [first] = await tx.query<[unknown[], number]>(
        `UPDATE kill_switch_sweeps SET orders_unknown = 0
         WHERE scope = $1 AND told_version = $2 AND orders_unknown > 0 RETURNING scope`,
        [scope, version],
      );
      if (first.length === 0) return;
      const effect = await this.orders.effect(tx, { scope, level }, [], updatedAt);
      await this.record(tx, killSwitch, { ...effect });
    });
  }

  /** The switches that are on. */
  async toChase(): Promise<SwitchToChase[]> {
    const rows = await this.transactions.run((tx) =>
      tx.query<ChaseRow[]>(
        `SELECT k.scope, k.enabled, k.level, k.reason, k.version, k.updated_at, k.updated_by,
                coalesce(s.told_version >= k.version, false) AS "isTold",
                k.updated_at < clock_timestamp() - ${TOLD_WITHIN} AS "isOverdue",
                CASE WHEN s.told_version = k.version THEN s.orders_unknown ELSE 0 END AS "leftUnknown",
                (SELECT count(*)::integer FROM orders WHERE ${IS_WORKING} AND ${isForbiddenBy('k.scope', 'k.level')}) AS working
         FROM kill_switches AS k LEFT JOIN kill_switch_sweeps AS s USING (scope) WHERE k.enabled ORDER BY k.scope`,
      ),
    );
    return rows.map(({ working, isTold, isOverdue, leftUnknown, ...row }) => {
      const { level, updatedAt, ...killSwitch } = killSwitchOf(row);
      if (level === null || updatedAt === null) throw new Error(`the switch ${row.scope} is on without a level`);
      return { killSwitch: { ...killSwitch, level, updatedAt }, working, isTold, isOverdue, leftUnknown };
    });
  }

  /**
   * Takes or renews the lease under which one worker at a time chases a scope's orders.
   * @returns false when another one has it
   */
  async takeChase(scope: Scope, worker: string): Promise<boolean> {
    const taken = await this.transactions.run((tx) =>
      tx.query<unknown[]>(
        `INSERT INTO kill_switch_sweeps AS s (scope, chaser, chased_until) VALUES ($1, $2, clock_timestamp() + ${LEASE})
         ON CONFLICT (scope) DO UPDATE SET chaser = excluded.chaser, chased_until = excluded.chased_until
           WHERE s.chaser = excluded.chaser OR s.chased_until < clock_timestamp()
         RETURNING scope`,
        [scope, worker],
      ),
    );
    return taken.length > 0;
  }

  private record(tx: Transaction, killSwitch: KillSwitch, effect: Record<string, unknown>): Promise<void> {
    const { scope, level, version, updatedBy, reason } = killSwitch;
    return this.events.record(tx, {
      event: 'kill_switch_effect',
      source: 'kill-switch',
      reason: reason ?? undefined,
      ...(updatedBy === null ? {} : { actor: updatedBy }),
      details: { scope, level, version, ...effect },
    });
  }
}
