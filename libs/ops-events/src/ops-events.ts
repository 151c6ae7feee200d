import { Injectable, Logger } from '@nestjs/common';
import { afterCommit, newId, type Transaction } from '@interlock/persistence';
import { AlertChannels } from './alerts/alert-channels.js';
import { AlertDeliveryRows } from './alerts/alert-delivery-rows.js';
import { AlertNudges } from './alerts/alert-nudges.js';
import { EVENT_SEVERITIES, type NewOpsEvent, type Severity } from './ops-event.js';

type Recorded = NewOpsEvent & { id: string; severity: Severity };

/** Records operational events. */
@Injectable()
export class OpsEvents {
  private readonly logger = new Logger('ops-events');

  constructor(
    private readonly channels: AlertChannels,
    private readonly deliveries: AlertDeliveryRows,
    private readonly nudges: AlertNudges,
  ) {}

  /**
   * Writes the event as a row of the transaction that it reports, so that both happen or neither, and with it what is to be told
   * to the alert channels (safety.md, E1). Once it has committed the event is logged, one line each, and the workers are nudged;
   * nothing here waits for a queue or a channel.
   */
  async record(tx: Transaction, event: NewOpsEvent): Promise<void> {
    await this.recordAll(tx, [event]);
  }

  /** As `record`, for several in one statement. */
  async recordAll(tx: Transaction, events: readonly NewOpsEvent[]): Promise<void> {
    if (events.length === 0) return;
    const recorded = events.map((event) => ({ ...event, id: newId(), severity: EVENT_SEVERITIES[event.event] }));
    await tx.query(
      `INSERT INTO ops_events (id, event, severity, source, run_id, job_id, reason, actor, details)
       SELECT id, event, severity, source, "runId", "jobId", reason, actor, coalesce(details, '{}')
       FROM jsonb_to_recordset($1::jsonb) AS row(id uuid, event text, severity text, source text, "runId" uuid, "jobId" text,
                                                 reason text, actor text, details jsonb)`,
      [JSON.stringify(recorded)],
    );
    const deliveryIds = await this.scheduleDeliveries(tx, recorded);
    // Said only of what has happened: a transaction that is rolled back leaves no line either.
    afterCommit(tx, () => {
      for (const event of recorded) this.log(event);
      if (deliveryIds.length > 0) this.nudges.nudge(deliveryIds);
    });
  }

  private async scheduleDeliveries(tx: Transaction, events: readonly Recorded[]): Promise<string[]> {
    const deliveries = events.flatMap((event) =>
      this.channels.namesFor(event).map((channel) => ({ id: newId(), eventId: event.id, channel })),
    );
    if (deliveries.length > 0) await this.deliveries.insert(tx, deliveries);
    return deliveries.map(({ id }) => id);
  }

  private log(event: Recorded): void {
    if (event.severity === 'info') this.logger.log(event, event.event);
    else this.logger.warn(event, event.event);
  }
}
