import type { OpsEventView } from '../ops-event.js';

/** What a channel is asked to tell. */
export interface Alert {
  /** Stays the same when the alert is sent again, so that a receiver can drop what it has had. */
  readonly deliveryId: string;
  readonly text: string;
  readonly event: OpsEventView;
}

/** A way to reach people. */
export interface AlertChannel {
  readonly name: string;

  /**
   * Resolves once the receiver has accepted the alert.
   * @param signal given up early, such as when the process is about to end
   * @throws AlertNotAccepted within the channel's own time limit
   */
  send(alert: Alert, signal: AbortSignal): Promise<void>;
}

/** The receiver did not accept the alert, or did not say so. The message holds no address or other secret (safety.md, E2). */
export class AlertNotAccepted extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'AlertNotAccepted';
  }
}
