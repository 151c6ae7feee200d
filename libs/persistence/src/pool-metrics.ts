import { everySeries, Metrics } from '@interlock/observability';
import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Pool } from 'pg';
import { DataSource } from 'typeorm';
import { RESERVED_DATA_SOURCE } from './transactions.js';

/** How the connections to the database are used. `reserved` is the small pool of the kill switch. */
@Injectable()
export class PoolMetrics {
  constructor(
    metrics: Metrics,
    @InjectDataSource() main: DataSource,
    @Inject(RESERVED_DATA_SOURCE) reserved: DataSource,
  ) {
    const pools = { main, reserved };
    const pool = Object.keys(pools);
    const connections = metrics.gauge(
      'interlock_database_pool_connections',
      'Connections to the database that a pool holds',
      everySeries({ pool, state: ['busy', 'idle'] }),
    );
    const waiting = metrics.gauge(
      'interlock_database_pool_waiting',
      'Pieces of work that wait for a connection',
      everySeries({ pool }),
    );
    const limit = metrics.gauge(
      'interlock_database_pool_limit',
      'Most connections that a pool may hold',
      everySeries({ pool }),
    );
    metrics.lookAtScrape('database_pool', () => {
      for (const [name, dataSource] of Object.entries(pools)) {
        const { totalCount, idleCount, waitingCount, options } = poolOf(dataSource);
        connections.set({ pool: name, state: 'busy' }, totalCount - idleCount);
        connections.set({ pool: name, state: 'idle' }, idleCount);
        waiting.set({ pool: name }, waitingCount);
        limit.set({ pool: name }, options.max);
      }
    });
  }
}

function poolOf({ driver }: DataSource): Pool {
  return (driver as unknown as { master: Pool }).master;
}
