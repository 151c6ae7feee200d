import { Metrics } from '@interlock/observability';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';

/** Pending deliveries are counted up to here: counting more would tell nothing more. */
const MOST_COUNTED = 10_000;

/** Which alerts have not reached their receiver. */
@Injectable()
export class AlertMetrics {
  constructor(
    metrics: Metrics,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {
    const oldest = metrics.gauge(
      'interlock_alert_delivery_oldest_pending_seconds',
      'Age of the oldest alert that is neither delivered nor given up; 0 when there is none',
      [{}],
    );
    const pending = metrics.gauge(
      'interlock_alert_deliveries_pending',
      `Alerts that are neither delivered nor given up, counted up to ${MOST_COUNTED}`,
      [{}],
    );
    metrics.readAtScrape('alerts', async () => {
      const [row] = await this.read();
      oldest.set(row?.oldest ?? 0);
      pending.set(row?.pending ?? 0);
    });
  }

  /** Ids rise with time, so the lowest is the oldest, and an index finds it. */
  private read(): Promise<{ oldest: number; pending: number }[]> {
    return this.dataSource.query(
      `SELECT coalesce((SELECT greatest(extract(epoch FROM clock_timestamp() - created_at), 0)
                        FROM alert_deliveries WHERE status = 'PENDING' ORDER BY id LIMIT 1), 0)::float8 AS oldest,
              (SELECT count(*) FROM (SELECT FROM alert_deliveries WHERE status = 'PENDING' LIMIT $1) AS counted)::integer AS pending`,
      [MOST_COUNTED],
    );
  }
}
