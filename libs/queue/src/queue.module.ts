import { BullModule } from '@nestjs/bullmq';
import { type DynamicModule, Module } from '@nestjs/common';
import { Settings } from '@interlock/config';
import { MetricsModule } from '@interlock/observability';
import { JobQueues } from './job-queues.js';
import { queueConnection } from './queue-connection.js';
import { QueueMetrics } from './queue-metrics.js';
import { QUEUES } from './queues.js';

/** The queues over BullMQ. Global: workers' processors and producers share the connection settings. */
@Module({})
export class QueueModule {
  static forRoot(applicationName: string): DynamicModule {
    return {
      module: QueueModule,
      global: true,
      imports: [
        MetricsModule,
        BullModule.forRootAsync({
          inject: [Settings],
          useFactory: (settings: Settings) => queueConnection(settings.requireDatabaseUrl(), applicationName),
        }),
        BullModule.registerQueue(...QUEUES.map((name) => ({ name }))),
      ],
      providers: [JobQueues, QueueMetrics],
      exports: [JobQueues],
    };
  }
}
