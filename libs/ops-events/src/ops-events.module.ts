import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AlertChannels } from './alerts/alert-channels.js';
import { AlertDeliveries } from './alerts/alert-deliveries.js';
import { AlertDeliveryRows } from './alerts/alert-delivery-rows.js';
import { AlertNudges } from './alerts/alert-nudges.js';
import { BoundedEvents } from './bounded-events.js';
import { ListEventsHandler } from './list-events.js';
import { OpsEventEntity } from './ops-event.entity.js';
import { OpsEvents } from './ops-events.js';

@Module({
  imports: [CqrsModule, TypeOrmModule.forFeature([OpsEventEntity])],
  providers: [
    AlertChannels,
    AlertDeliveryRows,
    AlertNudges,
    OpsEvents,
    BoundedEvents,
    AlertDeliveries,
    ListEventsHandler,
  ],
  exports: [OpsEvents, BoundedEvents, AlertDeliveries],
})
export class OpsEventsModule {}
