import { BullModule } from '@nestjs/bullmq';
import { type DynamicModule, Module } from '@nestjs/common';
import { Settings } from '@interlock/config';
import { MetricsModule } from '@interlock/observability';
import { JobQueues } from './job-queues.js';
import { PostgresBackend } from './postgres-backend.js';
import { QueueBackend } from './queue-backend.js';
import { QueueMetrics } from './queue-metrics.js';
import { QUEUES } from './queues.js';
import { RedisBackend } from './redis-backend.js';

/** The queues over BullMQ. Global: workers' processors and producers share the backend. */
@Module({})
export class QueueModule {
  static forRoot(applicationName: string): DynamicModule {
    const backend = QueueBackendModule.forRoot(applicationName);
    return {
      module: QueueModule,
      global: true,
      imports: [
        MetricsModule,
        backend,
        BullModule.forRootAsync({
          imports: [backend],
          inject: [QueueBackend],
          useFactory: (chosen: QueueBackend) => chosen.open(),
        }),
        BullModule.registerQueue(...QUEUES.map((name) => ({ name }))),
      ],
      providers: [JobQueues, QueueMetrics],
      exports: [JobQueues, backend],
    };
  }
}

/** Chooses the backend; apart from the queues, since their configuration needs it. */
@Module({})
class QueueBackendModule {
  static forRoot(applicationName: string): DynamicModule {
    return {
      module: QueueBackendModule,
      providers: [
        {
          provide: QueueBackend,
          inject: [Settings],
          useFactory: (settings: Settings): QueueBackend =>
            settings.redis === undefined
              ? new PostgresBackend(settings.requireDatabaseUrl(), applicationName)
              : new RedisBackend(settings.redis, applicationName),
        },
      ],
      exports: [QueueBackend],
    };
  }
}
