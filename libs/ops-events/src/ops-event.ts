/** Severity of every event that there is; an event without one does not compile. Critical ones go to the alert channels. */
export const EVENT_SEVERITIES = {
  execution_start_blocked: 'critical',
  retry_exhausted: 'critical',
  run_expired: 'critical',
  kill_switch_on: 'critical',
  kill_switch_off: 'critical',
  auto_kill_switch_triggered: 'critical',
  worker_silent: 'critical',
  alert_delivery_failed: 'critical',
  order_unknown: 'critical',
  order_status_transition_blocked: 'critical',
  reconciliation_difference: 'critical',
  flatten_failed: 'critical',
  worker_failed: 'warning',
  order_rejected: 'warning',
  limit_nearly_reached: 'warning',
  limit_changed: 'warning',
  transfer_booked: 'warning',
  kill_switch_effect: 'info',
  flatten_started: 'info',
  flatten_done: 'info',
  run_completed: 'info',
  run_canceled: 'info',
} as const;

export type EventName = keyof typeof EVENT_SEVERITIES;
export type Severity = 'info' | 'warning' | 'critical';

/** An operational event about to be recorded. Never holds a secret (safety.md, E2). */
export interface NewOpsEvent {
  event: EventName;
  /** The part of the system that reports, such as `api` or `worker`. */
  source: string;
  runId?: string;
  jobId?: string;
  reason?: string | undefined;
  /** Who caused it; absent when it was the system. */
  actor?: string;
  details?: Record<string, unknown>;
}

/** An event as it is shown. `at` is ISO 8601 UTC. */
export interface OpsEventView {
  id: string;
  event: EventName;
  severity: Severity;
  at: string;
  source: string;
  runId: string | null;
  jobId: string | null;
  reason: string | null;
  actor: string | null;
  details: Record<string, unknown>;
}
