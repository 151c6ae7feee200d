export { AlertDeliveries, type DeliveryOutcome } from './alerts/alert-deliveries.js';
export { BoundedEvents } from './bounded-events.js';
export { type EventFilter, type EventPage, ListEvents } from './list-events.js';
export { EVENT_SEVERITIES, type EventName, type NewOpsEvent, type OpsEventView, type Severity } from './ops-event.js';
export { OpsEvents } from './ops-events.js';
export { OpsEventsModule } from './ops-events.module.js';
