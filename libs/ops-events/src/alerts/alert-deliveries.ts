import { Settings } from '@interlock/config';
import { faultPoint } from '@interlock/observability';
import { Transactions } from '@interlock/persistence';
import { JobQueues } from '@interlock/queue';
import { Injectable, Logger, Optional } from '@nestjs/common';
import { summaryOf } from '../event-summary.js';
import type { NewOpsEvent } from '../ops-event.js';
import { OpsEvents } from '../ops-events.js';
import { AlertNotAccepted } from './alert-channel.js';
import { AlertChannels, type DeadDeliveryDetails } from './alert-channels.js';
import { type Attempt, AlertDeliveryRows } from './alert-delivery-rows.js';
import { enqueueDeliveries } from './alert-nudges.js';

/** What an attempt may take beyond the channel's own limit before its worker is given up. */
const LEASE_MARGIN_MS = 5_000;
const LONGEST_WAIT_MS = 3_600_000;
/** A delivery that is due and nudged is normally begun within milliseconds. */
const OVERDUE_MS = 5_000;
/** A delivery that is found again and again gets a further job at most this often. */
const REQUEUE_PERIOD_MS = 300_000;
/** Deliveries that one call adds to the queue. */
const REQUEUE_LIMIT = 500;

export type DeliveryOutcome =
  | { kind: 'delivered' }
  | { kind: 'dead' }
  /** Delivered or dead already, or unknown: the job was a nudge too many. */
  | { kind: 'nothing-to-do' }
  /** To be tried (again) after this time: it failed, is not due, or somebody else is at it. */
  | { kind: 'later'; delayMs: number };

/**
 * Carries critical events to the alert channels, at least once each (safety.md, E1). The rows are the truth; jobs are nudges. An
 * attempt is claimed in the row, made without any transaction open, and concluded in the row.
 */
@Injectable()
export class AlertDeliveries {
  private readonly logger = new Logger('alerts');

  constructor(
    private readonly settings: Settings,
    private readonly transactions: Transactions,
    private readonly channels: AlertChannels,
    private readonly rows: AlertDeliveryRows,
    private readonly events: OpsEvents,
    @Optional() private readonly queues?: JobQueues,
  ) {}

  /**
   * Makes the next attempt of a delivery, if it is due.
   * @param signal aborted when the process is about to end; the attempt then does not count
   */
  async attempt(deliveryId: string, signal: AbortSignal): Promise<DeliveryOutcome> {
    const leaseMs = this.settings.alertTimeoutMs + LEASE_MARGIN_MS;
    const attempt = await this.transactions.run((tx) => this.rows.claim(tx, deliveryId, leaseMs));
    if (attempt === null) return this.whenUnclaimed(deliveryId);
    faultPoint('alert-before-send');
    const failure = await this.send(attempt, signal);
    faultPoint('alert-after-send');
    if (failure === null) {
      await this.transactions.run((tx) => this.rows.markDelivered(tx, attempt));
      return { kind: 'delivered' };
    }
    this.logger.warn(
      { deliveryId, channel: attempt.channel, attempt: attempt.attempt, failure },
      'alert not delivered',
    );
    if (signal.aborted) return this.postpone(attempt, { delayMs: 0, counts: false, lastError: failure });
    if (attempt.attempt >= this.settings.alertAttempts) return this.bury(attempt, failure);
    const delayMs = waitAfter(attempt.attempt, this.settings.alertBackoffMs);
    return this.postpone(attempt, { delayMs, counts: true, lastError: failure });
  }

  /**
   * Adds the jobs of deliveries that have been due for 5 s, for those that have lost theirs: the process died between commit and
   * enqueue, or the queue was emptied. Cheap, and to be called every second or so by any number of processes: each delivery is
   * found once in 5 s, and a job that exists is left as it is.
   * @returns how many deliveries were found, at most 500
   * @throws EnqueueFailed
   */
  async requeuePending(): Promise<number> {
    if (this.queues === undefined) throw new Error('deliveries cannot be requeued without a queue');
    const overdue = await this.transactions.run((tx) => this.rows.takeOverdue(tx, OVERDUE_MS, REQUEUE_LIMIT));
    // Under another id, for the old job may be there still, in no list: a Redis that is full can lose hold of one in the middle of a
    // script. But no more than one job in five minutes for a delivery that only waits for its turn.
    const period = Math.floor(Date.now() / REQUEUE_PERIOD_MS).toString(36);
    if (overdue.length > 0) await enqueueDeliveries(this.queues, overdue, (id) => `${id}-${period}`);
    return overdue.length;
  }

  private async whenUnclaimed(deliveryId: string): Promise<DeliveryOutcome> {
    const delayMs = await this.transactions.run((tx) => this.rows.waitMs(tx, deliveryId));
    return delayMs === null ? { kind: 'nothing-to-do' } : { kind: 'later', delayMs };
  }

  /** Null when the receiver has accepted the alert, else why not. */
  private async send({ deliveryId, channel: name, event }: Attempt, signal: AbortSignal): Promise<string | null> {
    const channel = this.channels.find(name);
    if (channel === undefined) return `this worker has no channel ${name}; check its settings`;
    try {
      await channel.send({ deliveryId, text: summaryOf(event), event }, signal);
      return null;
    } catch (error) {
      if (error instanceof AlertNotAccepted) return error.message;
      throw error;
    }
  }

  private async postpone(
    attempt: Attempt,
    how: { delayMs: number; counts: boolean; lastError: string },
  ): Promise<DeliveryOutcome> {
    await this.transactions.run((tx) => this.rows.postpone(tx, attempt, how));
    return { kind: 'later', delayMs: how.delayMs };
  }

  private async bury(attempt: Attempt, failure: string): Promise<DeliveryOutcome> {
    const buried = await this.transactions.run(async (tx) => {
      const dead = await this.rows.markDead(tx, attempt, failure);
      if (dead) await this.events.record(tx, deliveryFailed(attempt, failure));
      return dead;
    });
    return buried ? { kind: 'dead' } : this.whenUnclaimed(attempt.deliveryId);
  }
}

/** Milliseconds to wait after the n-th attempt: twice as long each time, an hour at most. */
export function waitAfter(attempt: number, backoffMs: number): number {
  return Math.min(backoffMs * 2 ** (attempt - 1), LONGEST_WAIT_MS);
}

function deliveryFailed({ deliveryId, channel, attempt, event }: Attempt, failure: string): NewOpsEvent {
  const details: DeadDeliveryDetails = {
    deliveryId,
    channel,
    event: event.event,
    eventId: event.id,
    attempts: attempt,
  };
  return {
    event: 'alert_delivery_failed',
    source: 'alerts',
    ...(event.runId === null ? {} : { runId: event.runId }),
    reason: `${event.event} could not be told through the ${channel}: ${failure}`,
    details,
  };
}
