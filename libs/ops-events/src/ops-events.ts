import { Injectable, Logger } from '@nestjs/common';
import { newId, type Transaction } from '@interlock/persistence';
import { EVENT_SEVERITIES, type NewOpsEvent } from './ops-event.js';

/** Records operational events. */
@Injectable()
export class OpsEvents {
  private readonly logger = new Logger('ops-events');

  /** Writes the event as a row of the transaction that it reports, so that both happen or neither (safety.md, E1). */
  async record(tx: Transaction, event: NewOpsEvent): Promise<void> {
    await this.recordAll(tx, [event]);
  }

  /** As `record`, for several in one statement. */
  async recordAll(tx: Transaction, events: readonly NewOpsEvent[]): Promise<void> {
    if (events.length === 0) return;
    const rows = events.map((event) => ({ ...event, id: newId(), severity: EVENT_SEVERITIES[event.event] }));
    await tx.query(
      `INSERT INTO ops_events (id, event, severity, source, run_id, job_id, reason, actor, details)
       SELECT id, event, severity, source, "runId", "jobId", reason, actor, coalesce(details, '{}')
       FROM jsonb_to_recordset($1::jsonb) AS row(id uuid, event text, severity text, source text, "runId" uuid, "jobId" text,
                                                 reason text, actor text, details jsonb)`,
      [JSON.stringify(rows)],
    );
    for (const { event, severity, ...rest } of rows) {
      const line = { event, severity, ...rest };
      if (severity === 'info') this.logger.log(line, event);
      else this.logger.warn(line, event);
    }
  }
}
