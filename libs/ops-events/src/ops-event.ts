/** Severity of every event that there is; an event without one does not compile. Critical ones go to the alert channels. */
export const EVENT_SEVERITIES = {
  execution_start_blocked: 'critical',
  kill_switch_on: 'critical',
  kill_switch_off: 'critical',
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
