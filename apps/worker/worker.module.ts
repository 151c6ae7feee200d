import { type Settings, SettingsModule } from '@interlock/config';
import { ExecutionModule } from '@interlock/execution';
import { KillSwitchModule } from '@interlock/kill-switch';
import { LoggingModule, MetricsModule } from '@interlock/observability';
import { OpsEventsModule } from '@interlock/ops-events';
import { OrdersModule } from '@interlock/orders';
import { PersistenceModule } from '@interlock/persistence';
import { QueueModule } from '@interlock/queue';
import { RiskGuardsModule, RiskSettingsModule } from '@interlock/risk-guards';
import { VenuesModule } from '@interlock/venues';
import { type DynamicModule, Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { AlertDeliveryProcessor } from './alert-delivery.processor.js';
import { ConsumerWatch } from './consumer-watch.js';
import { ExecutionStartProcessor } from './execution-start.processor.js';
import { FlattenTimer } from './flatten-timer.js';
import { HealthController } from './health/health.controller.js';
import { JobMetrics } from './metrics/job-metrics.js';
import { MetricsController } from './metrics/metrics.controller.js';
import { OrderChase } from './order-chase.js';
import { OrderDesks } from './order-desks.js';
import { RiskWatchTimer } from './risk-watch.js';
import { Sweeper } from './sweeper.js';

/** The worker: carries out what the queue holds. No API but its health and its metrics. */
@Module({})
export class WorkerModule {
  static forRoot(settings: Settings): DynamicModule {
    return {
      module: WorkerModule,
      imports: [
        SettingsModule.forRoot(settings),
        LoggingModule.forRoot(settings, 'worker'),
        MetricsModule,
        CqrsModule.forRoot(),
        PersistenceModule.forRoot('interlock-worker'),
        QueueModule.forRoot('interlock-worker'),
        KillSwitchModule,
        ExecutionModule.forWorker(),
        OpsEventsModule,
        RiskGuardsModule,
        RiskSettingsModule,
        VenuesModule,
        OrdersModule,
      ],
      controllers: [HealthController, MetricsController],
      providers: [
        ExecutionStartProcessor,
        AlertDeliveryProcessor,
        ConsumerWatch,
        Sweeper,
        RiskWatchTimer,
        OrderDesks,
        OrderChase,
        FlattenTimer,
        JobMetrics,
      ],
    };
  }
}
