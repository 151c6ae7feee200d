import { MetricsModule } from '@interlock/observability';
import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AlertChannels } from './alerts/alert-channels.js';
import { AlertDeliveries } from './alerts/alert-deliveries.js';
import { AlertDeliveryRows } from './alerts/alert-delivery-rows.js';
import { AlertMetrics } from './alerts/alert-metrics.js';
import { AlertNudges } from './alerts/alert-nudges.js';
import { BoundedEvents } from './bounded-events.js';
import { ListEventsHandler } from './list-events.js';
import { OpsEventEntity } from './ops-event.entity.js';
import { OpsEvents } from './ops-events.js';

@Module({
  imports: [CqrsModule, MetricsModule, TypeOrmModule.forFeature([OpsEventEntity])],
  providers: [
    AlertChannels,
    AlertDeliveryRows,
    AlertNudges,
    OpsEvents,
    BoundedEvents,
    AlertDeliveries,
    ListEventsHandler,
    AlertMetrics,
  ],
  exports: [OpsEvents, BoundedEvents, AlertDeliveries],
})
export class OpsEventsModule {}
