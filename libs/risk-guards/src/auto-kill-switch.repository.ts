import type { Mode } from '@interlock/kill-switch';
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

/** A reason to turn the global switch on. Of one `cause` only the first is kept. */
export interface NewTrip {
  readonly cause: string;
  readonly rule: string;
  /** For people. */
  readonly reason: string;
  readonly runId: string;
  /** The version of the switch, then off, that the trip is to change. */
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
  switch_enabled: boolean;
  switch_version: number;
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
      killSwitch: { enabled: row.switch_enabled, version: row.switch_version },
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
       INSERT INTO auto_kill_switch_trips (id, cause, rule, reason, details, run_id, switch_version)
       SELECT id, cause, rule, reason, details, "runId", "switchVersion"
       FROM jsonb_to_recordset($5::jsonb) AS t(id uuid, cause text, rule text, reason text, details jsonb, "runId" uuid,
                                               "switchVersion" integer)
       ON CONFLICT (cause) DO NOTHING`,
      [
        `mode:${mode}`,
        JSON.stringify(streak === undefined ? [] : [streak]),
        pipeline,
        JSON.stringify(latency === undefined ? [] : [latency]),
        JSON.stringify(trips.map((trip) => ({ ...trip, id: newId() }))),
      ],
    );
  }

  async hasPending(tx: Transaction): Promise<boolean> {
    const [row] = await tx.query<{ pending: boolean }[]>(
      'SELECT EXISTS (SELECT 1 FROM auto_kill_switch_trips WHERE carried_out_at IS NULL) AS pending',
    );
    return row?.pending === true;
  }

  /** The trips that nobody has carried out, oldest first. Under the switch's exclusive lock they are nobody else's. */
  pending(tx: Transaction): Promise<(NewTrip & { readonly id: string })[]> {
    return tx.query(
      `SELECT id, cause, rule, reason, details, run_id AS "runId", switch_version AS "switchVersion"
       FROM auto_kill_switch_trips WHERE carried_out_at IS NULL ORDER BY id`,
    );
  }

  async markCarriedOut(tx: Transaction, id: string, changedSwitch: boolean): Promise<void> {
    await tx.query(
      'UPDATE auto_kill_switch_trips SET carried_out_at = clock_timestamp(), changed_switch = $2 WHERE id = $1',
      [id, changedSwitch],
    );
  }
}
