import { Injectable } from '@nestjs/common';
import { type Answering, READ_ONLY, refuseReadOnly, type Transaction } from '@interlock/persistence';
import { type KillSwitch, type KillSwitchWish, type Level, type Scope, untouched } from './kill-switch.js';

/** Channel of NOTIFY on which a change is announced. Its payload does not matter: listeners read the rows. */
export const KILL_SWITCH_CHANNEL = 'interlock_kill_switch';

/** A row of the table `kill_switches`; the time is a text where it comes as JSON. */
export interface KillSwitchRow {
  scope: Scope;
  enabled: boolean;
  level: Level | null;
  reason: string | null;
  version: number;
  updated_at: Date | string;
  updated_by: string;
}

const COLUMNS = 'scope, enabled, level, reason, version, updated_at, updated_by';

/*
 * The locks of safety.md, K2: advisory, held to the end of the transaction, one key per scope. They lock the scope's name rather
 * than its row, because a scope that nobody has touched has no row and must be lockable all the same. Two scopes whose names hash
 * alike would share a lock, which is harmless. The shared lock is taken by functions in the database, under the same key.
 */
const LOCK_KEY = `hashtextextended('interlock kill switch ' || scope, 0)`;

/** The switches' rows and locks. Locking them and reading all of them throws TakesNoWrites on a standby. */
@Injectable()
export class KillSwitches {
  /**
   * Keeps toggles of these scopes out until the transaction ends. Read the switches in a later statement: what one statement
   * locks and reads at once is judged by a snapshot from before the wait.
   */
  async lockShared(tx: Transaction, scopes: readonly Scope[]): Promise<void> {
    refuseReadOnly(await tx.query<Answering[]>(`SELECT lock_kill_switches_shared($1::text[]), ${READ_ONLY}`, [scopes]));
  }

  /** Waits for everybody who holds the scope's lock, and keeps them out until the transaction ends. */
  async lockExclusively(tx: Transaction, scope: Scope): Promise<void> {
    const rows = await tx.query<Answering[]>(
      `SELECT pg_advisory_xact_lock(${LOCK_KEY}), ${READ_ONLY} FROM (SELECT $1::text AS scope) AS s`,
      [scope],
    );
    refuseReadOnly(rows);
  }

  /**
   * The sessions that keep a toggle of the scope waiting for half a second by now, by process id of the server: who holds the lock shared has
   * held it since before; who holds it exclusively may be another toggle that has waited as well, and counts only when it does nothing.
   */
  async holders(tx: Transaction, scope: Scope): Promise<number[]> {
    const rows = await tx.query<{ pid: number }[]>(
      `WITH locks AS (
         SELECT pid, mode, granted, waitstart
         FROM pg_locks, (SELECT ${LOCK_KEY} AS key FROM (SELECT $1::text AS scope) AS s) AS k
         WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND objsubid = 1 AND ((classid::bigint << 32) | objid::bigint) = key),
       kept_waiting AS (
         SELECT pid FROM locks
         WHERE NOT granted AND mode = 'ExclusiveLock' AND waitstart < clock_timestamp() - interval '500 ms')
       SELECT holder.pid FROM locks AS holder JOIN pg_stat_activity AS session USING (pid)
       WHERE holder.granted AND EXISTS (SELECT FROM kept_waiting AS w WHERE holder.pid = ANY(pg_blocking_pids(w.pid)))
         AND (holder.mode = 'ShareLock'
              OR greatest(session.query_start, session.state_change) < clock_timestamp() - interval '500 ms')`,
      [scope],
    );
    return rows.map((row) => row.pid);
  }

  async read(tx: Transaction, scope: Scope): Promise<KillSwitch> {
    const [found] = await this.readEnabledOrNot(tx, [scope]);
    return found ?? untouched(scope);
  }

  /** Those of the scopes' switches that are on. */
  async readEnabled(tx: Transaction, scopes: readonly Scope[]): Promise<KillSwitch[]> {
    const switches = await this.readEnabledOrNot(tx, scopes);
    return switches.filter((killSwitch) => killSwitch.enabled);
  }

  /** Every switch that was ever touched, by scope. */
  async readAll(tx: Transaction): Promise<KillSwitch[]> {
    const rows = await tx.query<(Answering & (KillSwitchRow | { scope: null }))[]>(
      `SELECT ${COLUMNS}, server."readOnly" FROM (SELECT ${READ_ONLY}) AS server LEFT JOIN kill_switches ON true
       ORDER BY scope`,
    );
    refuseReadOnly(rows);
    return rows.flatMap((row) => (row.scope === null ? [] : [killSwitchOf(row)]));
  }

  /** Stores the switch as wished, one version on. Hold the exclusive lock. */
  async write(tx: Transaction, wish: KillSwitchWish, actorName: string): Promise<KillSwitch> {
    const [row] = await tx.query<KillSwitchRow[]>(
      `INSERT INTO kill_switches AS k (scope, enabled, level, reason, version, updated_at, updated_by)
       VALUES ($1, $2, $3, $4, 1, clock_timestamp(), $5)
       ON CONFLICT (scope) DO UPDATE
         SET enabled = excluded.enabled, level = excluded.level, reason = excluded.reason, version = k.version + 1,
             updated_at = excluded.updated_at, updated_by = excluded.updated_by
       RETURNING ${COLUMNS}`,
      [wish.scope, wish.enabled, wish.enabled ? wish.level : null, wish.reason ?? null, actorName],
    );
    if (row === undefined) throw new Error(`the switch ${wish.scope} was not stored`);
    return killSwitchOf(row);
  }

  /** Announces the change when the transaction commits. */
  async notify(tx: Transaction, killSwitch: KillSwitch): Promise<void> {
    await tx.query('SELECT pg_notify($1, $2)', [KILL_SWITCH_CHANNEL, killSwitch.scope]);
  }

  private async readEnabledOrNot(tx: Transaction, scopes: readonly Scope[]): Promise<KillSwitch[]> {
    const rows = await tx.query<KillSwitchRow[]>(`SELECT ${COLUMNS} FROM kill_switches WHERE scope = ANY($1::text[])`, [
      scopes,
    ]);
    return rows.map(killSwitchOf);
  }
}

export function killSwitchOf(row: KillSwitchRow): KillSwitch {
  const { scope, enabled, level, reason, version, updated_at: updatedAt, updated_by: updatedBy } = row;
  return { scope, enabled, level, reason, version, updatedAt: new Date(updatedAt), updatedBy };
}
