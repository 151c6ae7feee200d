import type { EventName, OpsEventView } from './ops-event.js';

/** What happened, as one says it to somebody who is woken by it. */
const HEADLINES: Record<EventName, string> = {
  execution_start_blocked: 'A start was blocked',
  retry_exhausted: 'A run failed for good',
  run_expired: 'A run waited too long and was given up',
  kill_switch_on: 'Kill switch ON',
  kill_switch_off: 'Kill switch off',
  kill_switch_effect: 'What the kill switch did',
  auto_kill_switch_triggered: 'Kill switch pulled automatically',
  worker_silent: 'A worker takes no work',
  alert_delivery_failed: 'An alert could not be delivered',
  order_unknown: 'What became of an order is unknown',
  order_status_transition_blocked: 'An order was told to change as it cannot',
  reconciliation_difference: 'Books and venue differ',
  order_rejected: 'An order was refused',
  limit_nearly_reached: 'A limit is nearly reached',
  limit_changed: 'Limits were changed',
  transfer_booked: 'A deposit or withdrawal was booked',
  flatten_failed: 'Flattening cannot go on',
  flatten_started: 'Flattening began',
  flatten_done: 'Flattening is done',
  worker_failed: 'An attempt of a run failed',
  run_completed: 'A run completed',
  run_canceled: 'A run was canceled',
};

/** Characters of a summary: what a phone shows without opening the message. */
const LONGEST = 300;

/** Short facts that belong in the one line when an event has them. */
const NAMED_DETAILS = ['scope', 'level', 'strategy', 'rule', 'current', 'limit', 'amount', 'count'];

/**
 * One line that says what happened: `[critical] Kill switch ON: drawdown (by alice, scope global, level halt)`. At most 300
 * characters. Line breaks and control characters that a reason may carry become spaces, so that it stays one line.
 */
export function summaryOf({ event, severity, reason, actor, runId, details }: OpsEventView): string {
  const facts = [
    ...(actor === null ? [] : [`by ${actor}`]),
    ...NAMED_DETAILS.flatMap((name) => factOf(name, details[name])),
    ...(runId === null ? [] : [`run ${runId}`]),
  ];
  const ending = facts.length === 0 ? '' : ` (${facts.join(', ')})`;
  const beginning = `[${severity}] ${HEADLINES[event]}${reason === null ? '' : `: ${reason}`}`;
  // A long reason gives way before the facts do.
  const room = Math.max(LONGEST - oneLine(ending).length, LONGEST / 2);
  return shortened(shortened(oneLine(beginning), room) + oneLine(ending), LONGEST);
}

function factOf(name: string, value: unknown): string[] {
  if (typeof value === 'string') return [`${name} ${value}`];
  // A count of one says nothing.
  return typeof value === 'number' && !(name === 'count' && value === 1) ? [`${name} ${value}`] : [];
}

function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
}

function shortened(text: string, length: number): string {
  if (text.length <= length) return text;
  // Not in the middle of a character that takes two places.
  return `${text.slice(0, length - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
