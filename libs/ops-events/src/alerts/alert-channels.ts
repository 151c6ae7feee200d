import { Settings } from '@interlock/config';
import { Injectable } from '@nestjs/common';
import { EVENT_SEVERITIES, type NewOpsEvent } from '../ops-event.js';
import type { AlertChannel } from './alert-channel.js';
import { WebhookChannel } from './webhook-channel.js';

/** The alert channels that are configured. */
@Injectable()
export class AlertChannels {
  private readonly channels: readonly AlertChannel[];

  constructor(settings: Settings) {
    const { alertWebhookUrl, alertTimeoutMs } = settings;
    this.channels = alertWebhookUrl === undefined ? [] : [new WebhookChannel(alertWebhookUrl, alertTimeoutMs)];
  }

  find(name: string): AlertChannel | undefined {
    return this.channels.find((channel) => channel.name === name);
  }

  /** Names of the channels that this event is to be told through. */
  namesFor(event: NewOpsEvent): string[] {
    return channelsFor(
      event,
      this.channels.map((channel) => channel.name),
    );
  }
}

/** What `alert_delivery_failed` says of the delivery that died. */
export interface DeadDeliveryDetails extends Record<string, unknown> {
  deliveryId: string;
  channel: string;
  /** Name and id of the event that nobody was told of. */
  event: string;
  eventId: string;
  attempts: number;
}

/**
 * Those of the configured channels through which an event is told: critical ones through all of them.
 *
 * That a channel is dead is not told through that channel, where it would die as well and be followed by the next such event,
 * for ever; and that the news of a dead channel died too is told through none, or two dead channels would report each other
 * without end. Both stay visible as events and as rows.
 */
export function channelsFor({ event, details }: NewOpsEvent, configured: readonly string[]): string[] {
  if (EVENT_SEVERITIES[event] !== 'critical') return [];
  if (event !== 'alert_delivery_failed') return [...configured];
  const { channel, event: untold } = details as DeadDeliveryDetails;
  return untold === 'alert_delivery_failed' ? [] : configured.filter((name) => name !== channel);
}
