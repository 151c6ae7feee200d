import type { Transaction } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import type { LimitRule } from './rules/refusal.js';

/** A limit as it is to be, or null to take it away. Decimal text. */
export interface LimitChange {
  readonly rule: LimitRule;
  readonly scope: string;
  readonly limit: string | null;
}

/** A limit that changed, with what it was before. */
export interface ChangedLimit extends LimitChange {
  readonly before: string | null;
}

interface Row {
  rule: LimitRule;
  scope: string;
  value: string;
}

/** Held by whoever changes limits, so that each version has one set of them. */
const LOCK = `hashtextextended('interlock risk limits', 0)`;

/** The limits' rows. Readers read them in the transaction that admits, so that a change acts at once. */
@Injectable()
export class RiskLimitRows {
  /** Keeps others from changing limits until the transaction ends. */
  async lock(tx: Transaction): Promise<void> {
    await tx.query(`SELECT pg_advisory_xact_lock(${LOCK})`);
  }

  async version(tx: Transaction): Promise<number> {
    const [row] = await tx.query<{ version: number }[]>('SELECT version FROM risk_limits_version');
    return row?.version ?? 0;
  }

  /**
   * Stores limits that a person sets. Hold the lock.
   * @returns those that differ from what they were
   */
  async set(
    tx: Transaction,
    changes: readonly LimitChange[],
    by: { actor: string; reason: string },
  ): Promise<ChangedLimit[]> {
    const before = await this.read(tx);
    for (const { rule, scope, limit } of changes) {
      if (limit === null) {
        await tx.query('DELETE FROM risk_limits WHERE rule = $1 AND scope = $2', [rule, scope]);
        await tx.query('INSERT INTO risk_limits_off (rule, scope) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
          rule,
          scope,
        ]);
      } else {
        await tx.query('DELETE FROM risk_limits_off WHERE rule = $1 AND scope = $2', [rule, scope]);
        await tx.query(
          `INSERT INTO risk_limits (rule, scope, value, source, reason, changed_by) VALUES ($1, $2, $3, 'person', $4, $5)
           ON CONFLICT (rule, scope) DO UPDATE SET value = excluded.value, source = excluded.source, reason = excluded.reason,
             changed_by = excluded.changed_by, changed_at = clock_timestamp()`,
          [rule, scope, limit, by.reason, by.actor],
        );
      }
    }
    return this.differences(tx, before, changes);
  }

  /**
   * Makes the settings' values those of the limits over everything that no person has set. Hold the lock.
   * @returns those that differ from what they were
   */
  async followSettings(tx: Transaction, wanted: ReadonlyMap<string, string>): Promise<ChangedLimit[]> {
    const before = await this.read(tx);
    await tx.query(
      `DELETE FROM risk_limits WHERE source = 'settings' AND scope = 'global' AND NOT (rule = ANY($1::text[]))`,
      [[...wanted.keys()]],
    );
    await tx.query(
      `INSERT INTO risk_limits AS l (rule, scope, value, source)
       SELECT rule, 'global', value, 'settings' FROM unnest($1::text[], $2::numeric[]) AS w(rule, value)
       WHERE NOT EXISTS (SELECT FROM risk_limits_off AS o WHERE (o.rule, o.scope) = (w.rule, 'global'))
       ON CONFLICT (rule, scope) DO UPDATE SET value = excluded.value, changed_at = clock_timestamp()
         WHERE l.source = 'settings' AND l.value <> excluded.value`,
      [[...wanted.keys()], [...wanted.values()]],
    );
    const after = await this.read(tx);
    const concerned = [...new Map([...before, ...after].map((row) => [`${row.rule} ${row.scope}`, row])).values()];
    return this.differences(tx, before, concerned);
  }

  /** Lets strategies whose losing streak blocked them trade again: those of the limit's scope. */
  async release(tx: Transaction, scope: string): Promise<void> {
    await tx.query(
      `DELETE FROM losing_streaks WHERE $1 = 'global' OR $1 = 'mode:' || mode OR $1 = 'strategy:' || strategy`,
      [scope],
    );
  }

  private async differences(
    tx: Transaction,
    before: readonly Row[],
    concerned: readonly { rule: LimitRule; scope: string }[],
  ): Promise<ChangedLimit[]> {
    const after = await this.read(tx);
    const changed = concerned.flatMap(({ rule, scope }) => {
      const was = valueIn(before, rule, scope);
      const is = valueIn(after, rule, scope);
      return was === is ? [] : [{ rule, scope, limit: is, before: was }];
    });
    if (changed.length > 0) await tx.query('UPDATE risk_limits_version SET version = version + 1');
    return changed;
  }

  private async read(tx: Transaction): Promise<Row[]> {
    return tx.query<Row[]>('SELECT rule, scope, trim_scale(value)::text AS value FROM risk_limits');
  }
}

function valueIn(rows: readonly Row[], rule: string, scope: string): string | null {
  return rows.find((row) => row.rule === rule && row.scope === scope)?.value ?? null;
}
