import { type DynamicModule, Module } from '@nestjs/common';
import { Settings } from '@interlock/config';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from './connection.js';
import { MetricsModule } from '@interlock/observability';
import { DatabaseHealth } from './database-health.js';
import { PoolMetrics } from './pool-metrics.js';
import { RESERVED_DATA_SOURCE, Transactions } from './transactions.js';

/** For toggles of several scopes side by side, for ending whoever holds them up, and for reading the switches every second. */
const RESERVED_CONNECTIONS = 4;

/** The database: data source, transactions, health. Global, since every lib stores something. */
@Module({})
export class PersistenceModule {
  /** @param applicationName how the process shows up in `pg_stat_activity` */
  static forRoot(applicationName: string): DynamicModule {
    return {
      module: PersistenceModule,
      global: true,
      imports: [
        MetricsModule,
        TypeOrmModule.forRootAsync({
          inject: [Settings],
          useFactory: (settings: Settings) => ({
            ...dataSourceOptions(settings.requireDatabaseUrl(), applicationName, settings.databasePoolMax),
            autoLoadEntities: true,
            toRetry: () => false, // whoever builds the program waits for the database: serve-when-ready.ts
          }),
        }),
      ],
      providers: [
        {
          provide: RESERVED_DATA_SOURCE,
          inject: [Settings],
          useFactory: (settings: Settings) =>
            new DataSource(
              dataSourceOptions(settings.requireDatabaseUrl(), `${applicationName}-reserved`, RESERVED_CONNECTIONS),
            ).initialize(),
        },
        Transactions,
        DatabaseHealth,
        PoolMetrics,
      ],
      exports: [Transactions, DatabaseHealth],
    };
  }
}
