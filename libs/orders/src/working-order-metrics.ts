import { MODES } from '@interlock/kill-switch';
import { everySeries, Metrics } from '@interlock/observability';
import { Venues } from '@interlock/venues';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { WORKING_STATUSES } from './order.js';

/** Names of venues and strategies are anybody's, so their switches share a series, as those of `interlock_kill_switch_on` do. */
const SCOPES = ['global', ...MODES.map((mode) => `mode:${mode}`), 'venue:*', 'strategy:*'];

interface VenueReading {
  venue: string;
  unknownAge: number;
  isOpen: boolean;
  quotedAt: number;
}

/** Orders that are not over, and venues, as the database knows them: the same in every process. */
@Injectable()
export class WorkingOrderMetrics {
  constructor(
    metrics: Metrics,
    venues: Venues,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {
    const perVenue = everySeries({ venue: venues.names() });
    const perStatus = everySeries({ venue: venues.names(), status: WORKING_STATUSES });
    const working = metrics.gauge(
      'interlock_orders_working',
      'Orders that are not final, by venue and status',
      perStatus,
    );
    const unknownAge = metrics.gauge(
      'interlock_orders_unknown_oldest_age_seconds',
      'How long the oldest of the orders is UNKNOWN whose fate the venue has not told; 0 when there is none',
      perVenue,
    );
    const open = metrics.gauge(
      'interlock_venue_open',
      'Whether orders may go to the venue: it is open, a worker looks after it, and the books were found to agree with it',
      perVenue,
    );
    const quoted = metrics.gauge(
      'interlock_market_data_last_update_timestamp_seconds',
      'When the venue last showed other offers in any market; 0 while it never did',
      perVenue,
    );
    const halted = metrics.gauge(
      'interlock_kill_switch_working_orders',
      'Orders that still work though a kill switch at level halt is on over them; venue:* and strategy:* stand for all venues and strategies',
      everySeries({ scope: SCOPES }),
    );
    const after = metrics.gauge(
      'interlock_orders_admitted_while_halted',
      'Orders that were admitted after the kill switch over them was turned to halt, while it is on: never any, or the gate is broken',
      [{}],
    );
    metrics.readAtScrape('orders', async () => {
      const [statuses, readings, scopes, late] = await Promise.all([
        this.readStatuses(),
        this.readVenues(),
        this.readHalted(),
        this.readAdmittedWhileHalted(),
      ]);
      for (const labels of perStatus) {
        const row = statuses.find(({ venue, status }) => venue === labels.venue && status === labels.status);
        working.set(labels, row?.count ?? 0);
      }
      for (const { venue } of perVenue) {
        const reading = readings.find((row) => row.venue === venue);
        unknownAge.set({ venue }, reading?.unknownAge ?? 0);
        open.set({ venue }, reading?.isOpen === true ? 1 : 0);
        quoted.set({ venue }, reading?.quotedAt ?? 0);
      }
      for (const scope of SCOPES) halted.set({ scope }, scopes.find((row) => row.scope === scope)?.count ?? 0);
      after.set(late);
    });
  }

  private readStatuses(): Promise<{ venue: string; status: string; count: number }[]> {
    return this.dataSource.query(
      `SELECT venue, status, count(*)::integer AS count FROM orders WHERE status = ANY($1::text[]) GROUP BY venue, status`,
      [WORKING_STATUSES],
    );
  }

  private readVenues(): Promise<VenueReading[]> {
    return this.dataSource.query(
      `SELECT venue, state = 'OPEN' AND reconciled_at IS NOT NULL AS "isOpen",
         coalesce((SELECT extract(epoch FROM clock_timestamp() - min(updated_at))::float8 FROM orders AS o
                   WHERE o.venue = v.venue AND o.status = 'UNKNOWN'), 0) AS "unknownAge",
         coalesce((SELECT extract(epoch FROM max(updated_at))::float8 FROM market_quotes AS q WHERE q.venue = v.venue), 0) AS "quotedAt"
       FROM venue_states AS v`,
    );
  }

  private readHalted(): Promise<{ scope: string; count: number }[]> {
    return this.dataSource.query(
      `SELECT regexp_replace(k.scope, '^(venue|strategy):.*', '\\1:*') AS scope, count(*)::integer AS count
       FROM kill_switches AS k JOIN orders AS o ON k.scope IN ${SCOPES_OF_ORDER}
       WHERE k.enabled AND k.level = 'halt' AND o.status = ANY($1::text[]) GROUP BY 1`,
      [WORKING_STATUSES],
    );
  }

  /**
   * By another way than the gate's own: ids begin with the time at which they were made, at most the gate's patience before the
   * admission, so that only the latest orders are looked at.
   */
  private async readAdmittedWhileHalted(): Promise<number> {
    const [row] = await this.dataSource.query<{ count: number }[]>(
      `SELECT count(DISTINCT o.id)::integer AS count
       FROM kill_switches AS k JOIN orders AS o
         ON k.scope IN ${SCOPES_OF_ORDER} AND o.created_at > k.updated_at
        AND o.id > (lpad(to_hex((extract(epoch FROM k.updated_at - interval '5 minutes') * 1000)::bigint), 12, '0')
                    || '00000000000000000000')::uuid
       WHERE k.enabled AND k.level = 'halt'`,
    );
    return row?.count ?? 0;
  }
}

const SCOPES_OF_ORDER = `('global', 'mode:' || o.mode, 'venue:' || o.venue, 'strategy:' || o.strategy)`;
