import type { Level, Mode, Scope } from '@interlock/kill-switch';
import { newId, type Transaction } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import type { Latency, Streak, SwitchReading } from './rules/run-end.js';

/** What a run's end is judged by. */
export interface RunEndReading {
  readonly killSwitch: SwitchReading;
  readonly streak: Streak | undefined;
  readonly latency: Latency | undefined;
  /** Null when it cannot be told. */
  readonly day: string | null;
  readonly dailyLoss: string | null;
}

/** A reason to turn a switch on. Of one `cause` only the first is kept. */
export interface NewTrip {
  readonly cause: string;
  /** Whose switch. */
  readonly scope: Scope;
  readonly rule: string;
  /** For people. */
  readonly reason: string;
  /** Null when no run brought it about. */
  readonly runId: string | null;
  /** The version of the switch, then off or at `reduce`, that the trip is to turn to `halt`. */
  readonly switchVersion: number;
  readonly details: Record<string, unknown>;
}

/** What a run's end leaves behind; undefined is left as it is. */
export interface RunEndRecord {
  readonly mode: Mode;
  readonly pipeline: string;
  readonly streak: Streak | undefined;
  readonly latency: Latency | undefined;
  readonly trips: readonly NewTrip[];
}

interface ReadingRow {
  switch_level: Level | null;
  switch_version: number;
  switch_released_version: number;
  failures: number | null;
  failures_since_version: number | null;
  average_ms: number | null;
  samples: number | null;
  day: string | null;
  daily_loss: string | null;
}

/** The rows that the automatic kill switch remembers by. */
@Injectable()
export class AutoKillSwitchRows {
  /** Reads under the lock that every judge of a run's end takes, in one round trip. */
  async open(tx: Transaction, { mode, pipeline }: { mode: Mode; pipeline: string }): Promise<RunEndReading> {
    const [row] = await tx.query<ReadingRow[]>('SELECT * FROM open_auto_kill_switch($1, $2)', [mode, pipeline]);
    if (row === undefined) throw new Error('the automatic kill switch read nothing');
    return {
      killSwitch: {
        halts: row.switch_level === 'halt',
        version: row.switch_version,
        releasedVersion: row.switch_released_version,
      },
      streak:
        row.failures === null || row.failures_since_version === null
          ? undefined
          : { failures: row.failures, sinceVersion: row.failures_since_version },
      latency:
        row.average_ms === null || row.samples === null
          ? undefined
          : { averageMs: row.average_ms, samples: row.samples },
      day: row.day,
      dailyLoss: row.daily_loss,
    };
  }

  /** Stores counters and trips in one statement; under the lock of `open`. */
  async write(tx: Transaction, { mode, pipeline, streak, latency, trips }: RunEndRecord): Promise<void> {
    await tx.query(
      `WITH streak AS (
         INSERT INTO run_failure_streaks (scope, failures, switch_version)
         SELECT $1, failures, "sinceVersion" FROM jsonb_to_recordset($2::jsonb) AS s(failures integer, "sinceVersion" integer)
         ON CONFLICT (scope) DO UPDATE SET failures = excluded.failures, switch_version = excluded.switch_version
       ), latency AS (
         INSERT INTO pipeline_latencies (pipeline, average_ms, samples)
         SELECT $3, "averageMs", samples
         FROM jsonb_to_recordset($4::jsonb) AS l("averageMs" double precision, samples integer)
         ON CONFLICT (pipeline) DO UPDATE SET average_ms = excluded.average_ms, samples = excluded.samples
       )
       ${insertTrips('$5')}`,
      [
        `mode:${mode}`,
        JSON.stringify(streak === undefined ? [] : [streak]),
        pipeline,
        JSON.stringify(latency === undefined ? [] : [latency]),
        withIds(trips),
      ],
    );
  }

  /** A scope's switch, under the lock that every judge takes. */
  async lockSwitch(tx: Transaction, scope: Scope): Promise<SwitchReading> {
    await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('interlock auto kill switch', 0))`);
    const [found] = await tx.query<SwitchReading[]>(
      `SELECT enabled AND level = 'halt' AS halts, version, released_version AS "releasedVersion"
       FROM kill_switches WHERE scope = $1`,
      [scope],
    );
    return found ?? { halts: false, version: 0, releasedVersion: 0 };
  }

  /** @returns false when its cause has tripped before */
  async insertTrip(tx: Transaction, trip: NewTrip): Promise<boolean> {
    const inserted = await tx.query<unknown[]>(`${insertTrips('$1')} RETURNING id`, [withIds([trip])]);
    return inserted.length > 0;
  }

  /** Whose switches have trips that nobody has carried out. */
  async pendingScopes(tx: Transaction): Promise<Scope[]> {
    const rows = await tx.query<{ scope: Scope }[]>(
      'SELECT DISTINCT scope FROM auto_kill_switch_trips WHERE carried_out_at IS NULL ORDER BY scope',
    );
    return rows.map(({ scope }) => scope);
  }

  /** The scope's trips that nobody has carried out, oldest first. Under its switch's exclusive lock they are nobody else's. */
  pending(tx: Transaction, scope: Scope): Promise<(NewTrip & { readonly id: string })[]> {
    return tx.query(
      `SELECT id, cause, scope, rule, reason, details, run_id AS "runId", switch_version AS "switchVersion"
       FROM auto_kill_switch_trips WHERE carried_out_at IS NULL AND scope = $1 ORDER BY id`,
      [scope],
    );
  }

  async markCarriedOut(tx: Transaction, id: string, changedSwitch: boolean): Promise<void> {
    await tx.query(
      'UPDATE auto_kill_switch_trips SET carried_out_at = clock_timestamp(), changed_switch = $2 WHERE id = $1',
      [id, changedSwitch],
    );
  }
}

function insertTrips(parameter: '$1' | '$5'): string {
  return `INSERT INTO auto_kill_switch_trips (id, cause, scope, rule, reason, details, run_id, switch_version)
    SELECT id, cause, scope, rule, reason, details, "runId", "switchVersion"
    FROM jsonb_to_recordset(${parameter}::jsonb) AS t(id uuid, cause text, scope text, rule text, reason text, details jsonb,
                                                      "runId" uuid, "switchVersion" integer)
    ON CONFLICT (cause) DO NOTHING`;
}

function withIds(trips: readonly NewTrip[]): string {
  return JSON.stringify(trips.map((trip) => ({ ...trip, id: newId() })));
}
