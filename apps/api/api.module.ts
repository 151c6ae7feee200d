import { AccessModule } from '@interlock/access';
import { CalibrationModule } from '@interlock/calibration';
import { type Settings, SettingsModule } from '@interlock/config';
import { ExecutionModule } from '@interlock/execution';
import { KillSwitchModule } from '@interlock/kill-switch';
import { MarketsModule } from '@interlock/markets';
import { LoggingModule, MetricsModule } from '@interlock/observability';
import { OpsEventsModule } from '@interlock/ops-events';
import { OrdersModule } from '@interlock/orders';
import { PersistenceModule } from '@interlock/persistence';
import { QueueModule } from '@interlock/queue';
import { RiskGuardsModule, RiskSettingsModule } from '@interlock/risk-guards';
import { VenuesModule } from '@interlock/venues';
import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_PIPE, DiscoveryModule } from '@nestjs/core';
import { CqrsModule } from '@nestjs/cqrs';
import { AccountsController } from './accounts/accounts.controller.js';
import { DatasetsController } from './datasets/datasets.controller.js';
import { ImportHalts } from './datasets/import-halts.js';
import { EventsController } from './events/events.controller.js';
import { KillSwitchPress } from './execution/kill-switch-press.js';
import { FlattenController } from './execution/flatten.controller.js';
import { KillSwitchController } from './execution/kill-switch.controller.js';
import { StartController } from './execution/start.controller.js';
import { HealthController } from './health/health.controller.js';
import { Readiness } from './health/readiness.js';
import { DtoPipe } from './http/dto.pipe.js';
import { ErrorFilter } from './http/error.filter.js';
import { MarketsController } from './markets/markets.controller.js';
import { MetricsController } from './metrics/metrics.controller.js';
import { OrdersController } from './orders/orders.controller.js';
import { PositionsController } from './orders/positions.controller.js';
import { PaperMarketsController } from './paper/paper-markets.controller.js';
import { PaperRecordsController } from './paper/paper-records.controller.js';
import { RiskController } from './risk/risk.controller.js';
import { RunsController } from './runs/runs.controller.js';

/** The api: translates HTTP to commands and queries, and their results to HTTP. */
@Module({})
export class ApiModule {
  static forRoot(settings: Settings): DynamicModule {
    return {
      module: ApiModule,
      imports: [
        SettingsModule.forRoot(settings),
        LoggingModule.forRoot(settings, 'api'),
        MetricsModule,
        DiscoveryModule,
        CqrsModule.forRoot(),
        PersistenceModule.forRoot('interlock-api'),
        QueueModule.forRoot('interlock-api'),
        AccessModule,
        OpsEventsModule,
        KillSwitchModule,
        ExecutionModule.forApi(),
        RiskGuardsModule,
        RiskSettingsModule,
        MarketsModule,
        CalibrationModule,
        VenuesModule,
        OrdersModule,
      ],
      // A request is compared with one route after the other: those that are asked for most come first.
      controllers: [
        HealthController,
        MarketsController,
        StartController,
        KillSwitchController,
        FlattenController,
        RunsController,
        RiskController,
        EventsController,
        DatasetsController,
        OrdersController,
        PositionsController,
        AccountsController,
        PaperMarketsController,
        PaperRecordsController,
        MetricsController,
      ],
      providers: [
        Readiness,
        KillSwitchPress,
        ImportHalts,
        { provide: APP_PIPE, useClass: DtoPipe },
        { provide: APP_FILTER, useClass: ErrorFilter },
      ],
    };
  }
}
