import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { TypeOrmModule } from '@nestjs/typeorm';
import { BoundedEvents } from './bounded-events.js';
import { ListEventsHandler } from './list-events.js';
import { OpsEventEntity } from './ops-event.entity.js';
import { OpsEvents } from './ops-events.js';

@Module({
  imports: [CqrsModule, TypeOrmModule.forFeature([OpsEventEntity])],
  providers: [OpsEvents, BoundedEvents, ListEventsHandler],
  exports: [OpsEvents, BoundedEvents],
})
export class OpsEventsModule {}
