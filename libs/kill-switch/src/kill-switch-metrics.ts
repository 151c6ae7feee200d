import { everySeries, Metrics } from '@interlock/observability';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { type Level, LEVELS, MODES } from './kill-switch.js';

/** Names of venues and strategies are anybody's, so their switches share a series. */
const SCOPES = ['global', ...MODES.map((mode) => `mode:${mode}`), 'venue:*', 'strategy:*'];

/** Which kill switches are on. */
@Injectable()
export class KillSwitchMetrics {
  constructor(
    metrics: Metrics,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {
    const series = everySeries({ scope: SCOPES, level: LEVELS });
    const on = metrics.gauge(
      'interlock_kill_switch_on',
      'Whether a kill switch is on at this level; venue:* and strategy:* stand for all venues and all strategies',
      series,
    );
    const count = metrics.gauge(
      'interlock_kill_switches_on',
      'How many kill switches are on at this level, of those that the scope stands for',
      series,
    );
    metrics.readAtScrape('kill_switch', async () => {
      const rows = await this.read();
      for (const { scope, level } of series) {
        const switches = rows.find((row) => row.scope === scope && row.level === level)?.count ?? 0;
        on.set({ scope, level }, Math.min(switches, 1));
        count.set({ scope, level }, switches);
      }
    });
  }

  private read(): Promise<{ scope: string; level: Level; count: number }[]> {
    return this.dataSource.query(
      `SELECT regexp_replace(scope, '^(venue|strategy):.*', '\\1:*') AS scope, level, count(*)::integer AS count
       FROM kill_switches WHERE enabled GROUP BY 1, 2`,
    );
  }
}
