import type { Transaction } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import type { OpsEventView } from '../ops-event.js';

/** An attempt at a delivery that this worker alone may make now. `attempt` counts from 1. */
export interface Attempt {
  readonly deliveryId: string;
  readonly attempt: number;
  readonly channel: string;
  readonly event: OpsEventView;
}

type ClaimedRow = Omit<Attempt, 'event'> & Omit<OpsEventView, 'at'> & { at: Date };

/** The rows of deliveries. The end of a failed attempt names it, so that a worker that was given up cannot end what another is at. */
@Injectable()
export class AlertDeliveryRows {
  async insert(
    tx: Transaction,
    deliveries: readonly { id: string; eventId: string; channel: string }[],
  ): Promise<void> {
    await tx.query(
      `INSERT INTO alert_deliveries (id, event_id, channel)
       SELECT id, "eventId", channel FROM jsonb_to_recordset($1::jsonb) AS row(id uuid, "eventId" uuid, channel text)`,
      [JSON.stringify(deliveries)],
    );
  }

  /**
   * Begins the next attempt of a pending delivery that is due. Until `leaseMs` have passed nobody else can.
   * @returns null when the delivery is over, not due, or somebody else's at the moment
   */
  async claim(tx: Transaction, deliveryId: string, leaseMs: number): Promise<Attempt | null> {
    const [[row]] = await tx.query<[ClaimedRow[], number]>(
      `UPDATE alert_deliveries AS d
       SET attempts = d.attempts + 1, next_attempt_at = clock_timestamp() + $2 * interval '1 millisecond'
       FROM ops_events AS e
       WHERE d.id = $1 AND d.status = 'PENDING' AND d.next_attempt_at <= clock_timestamp() AND e.id = d.event_id
       RETURNING d.id AS "deliveryId", d.attempts AS attempt, d.channel, e.id, e.event, e.severity, e.at, e.source,
                 e.run_id AS "runId", e.job_id AS "jobId", e.reason, e.actor, e.details`,
      [deliveryId, leaseMs],
    );
    if (row === undefined) return null;
    const { deliveryId: _, attempt, channel, at, ...event } = row;
    return { deliveryId, attempt, channel, event: { ...event, at: at.toISOString() } };
  }

  /** The receiver has accepted the alert: true whichever attempt it was, also one that was given up. */
  async markDelivered(tx: Transaction, { deliveryId }: Attempt): Promise<void> {
    await tx.query(
      `UPDATE alert_deliveries SET status = 'DELIVERED', last_error = NULL, finished_at = clock_timestamp()
       WHERE id = $1 AND status = 'PENDING'`,
      [deliveryId],
    );
  }

  /** The last attempt has failed. False when it was given up meanwhile, so that another decides. */
  async markDead(tx: Transaction, { deliveryId, attempt }: Attempt, lastError: string): Promise<boolean> {
    const [, count] = await tx.query<[unknown, number]>(
      `UPDATE alert_deliveries SET status = 'DEAD', last_error = $3, finished_at = clock_timestamp()
       WHERE id = $1 AND attempts = $2 AND status = 'PENDING'`,
      [deliveryId, attempt, lastError],
    );
    return count > 0;
  }

  /** Puts the next attempt off; `counts` is false when this one is not to be counted. */
  async postpone(
    tx: Transaction,
    { deliveryId, attempt }: Attempt,
    { delayMs, counts, lastError }: { delayMs: number; counts: boolean; lastError: string },
  ): Promise<void> {
    await tx.query(
      `UPDATE alert_deliveries
       SET attempts = CASE WHEN $3 THEN attempts ELSE attempts - 1 END, last_error = $4,
           next_attempt_at = clock_timestamp() + $5 * interval '1 millisecond'
       WHERE id = $1 AND attempts = $2 AND status = 'PENDING'`,
      [deliveryId, attempt, counts, lastError, delayMs],
    );
  }

  /** Milliseconds until a pending delivery may be tried, 0 when it may be now; null when it is over or unknown. */
  async waitMs(tx: Transaction, deliveryId: string): Promise<number | null> {
    const [row] = await tx.query<{ waitMs: number }[]>(
      `SELECT greatest(ceil(extract(epoch FROM next_attempt_at - clock_timestamp()) * 1000), 0)::float8 AS "waitMs"
       FROM alert_deliveries WHERE id = $1 AND status = 'PENDING'`,
      [deliveryId],
    );
    return row?.waitMs ?? null;
  }

  /**
   * Ids of pending deliveries that have been due for `overdueMs` although they were nudged, the longest first; they count as
   * nudged with it. Leaves out what is being claimed or found by somebody else at this moment.
   */
  async takeOverdue(tx: Transaction, overdueMs: number, limit: number): Promise<string[]> {
    const [rows] = await tx.query<[{ id: string }[], number]>(
      `UPDATE alert_deliveries SET nudged_at = clock_timestamp()
       WHERE id IN (SELECT id FROM alert_deliveries
                    WHERE status = 'PENDING' AND greatest(next_attempt_at, nudged_at) <= clock_timestamp() - $1 * interval '1 millisecond'
                    ORDER BY next_attempt_at LIMIT $2 FOR UPDATE SKIP LOCKED)
       RETURNING id`,
      [overdueMs, limit],
    );
    return rows.map((row) => row.id);
  }
}
