import type { Evidence, RunRow } from './evidence.js';
import type { FaultRecord, History, ToggleRecord } from './history.js';
import { type Standing, standingsOf } from './standings.js';
import { type Violation, violation } from './violation.js';

/**
 * A stop's answer never takes longer than 3 s, whatever else is frozen; and half a second in which, on a busy machine, the request and the
 * answer wait for a processor on either side.
 */
const ANSWER_MS = 3_500;
/** After the database is back, connections are made anew before anything is promised again. */
export const RECONNECT_MS = 3_000;
/** Work ends this soon after a stop by notification, or by the reading every second when notifications are lost (K3). */
const ABORT_MS = 2_500;
/** K5: a worker that cannot read the switches ends its work after 5 s. */
const BLIND_MS = 6_000;

/** K2, K3 and the 3 s of a stop's answer. */
export function checkSwitches(history: History, evidence: Evidence): Violation[] {
  const standings = standingsOf(history, evidence.switches);
  return [
    ...standings.flatMap((standing) => [
      ...checkAdmissions(standing, history),
      ...checkClaims(standing, evidence),
      ...checkWork(standing, history, evidence),
    ]),
    ...history.toggles.flatMap((toggle) => checkAnswer(toggle, history)),
  ];
}

/** K2: nothing that was sent after the stop's answer is accepted while the stop stands. */
function checkAdmissions(standing: Standing, history: History): Violation[] {
  return history.starts
    .filter(({ outcome, wish }) => outcome.kind === 'accepted' && covers(standing.scope, wish))
    .filter(({ sentAt, receivedAt }) => sentAt > standing.from && receivedAt < standing.untilOff)
    .map(({ operation, outcome }) =>
      violation(
        'K2',
        `a start was accepted while ${standing.scope} was stopped`,
        `#${operation}`,
        `#${standing.toggle.operation}`,
        standing.scope,
        outcome.kind === 'accepted' ? outcome.runId : null,
      ),
    );
}

/** K2: nothing is claimed after a halt's answer; at `reduce`, nothing that had not begun. */
function checkClaims(standing: Standing, evidence: Evidence): Violation[] {
  const found: Violation[] = [];
  for (const run of evidence.runs.values()) {
    if (!covers(standing.scope, run)) continue;
    const claims = (evidence.changes.get(run.id) ?? []).filter(({ to }) => to === 'RUNNING');
    for (const [index, { at }] of claims.entries()) {
      const until = index === 0 ? standing.untilOff : standing.untilLoosened;
      if (at <= standing.from + 1 || at >= until) continue;
      const late = Math.round(at - standing.from);
      const sentence = `claimed ${late} ms after the answer of the stop of ${standing.scope}`;
      found.push(violation('K2', sentence, run.id, standing.scope, `#${standing.toggle.operation}`));
    }
  }
  return found;
}

/** K3: work under a halted scope ends soon; later only where its worker was frozen or the database was away. */
function checkWork(standing: Standing, history: History, evidence: Evidence): Violation[] {
  const found: Violation[] = [];
  for (const run of evidence.runs.values()) {
    if (!covers(standing.scope, run)) continue;
    for (const { at, pid, kind } of evidence.witness.get(run.id) ?? []) {
      if (kind === 'abort' || at <= standing.from + ABORT_MS || at >= standing.untilLoosened) continue;
      if (wasHindered(history.faults, pid, standing.from, at)) continue;
      const sentence = `at work ${Math.round(at - standing.from)} ms after the answer of the stop of ${standing.scope}`;
      found.push(violation('K3', sentence, run.id, standing.scope, `#${standing.toggle.operation}`));
      break;
    }
  }
  return found;
}

function wasHindered(faults: readonly FaultRecord[], pid: number, from: number, at: number): boolean {
  return faults.some((fault) => {
    const concerns = fault.deed === 'stop-database' || (fault.deed === 'freeze' && fault.pid === pid);
    return concerns && fault.from < at && fault.until + BLIND_MS > from;
  });
}

/** While the database is up and the api itself is neither frozen nor ended, a toggle is answered within 3 s. */
function checkAnswer(toggle: ToggleRecord, history: History): Violation[] {
  const { sentAt, receivedAt, api, operation, scope, outcome } = toggle;
  if (outcome.kind === 'refused' && outcome.status === 0) return [];
  const excused = history.faults.some(
    ({ deed, target, from, until }) =>
      (deed === 'stop-database' || target === api) && from <= receivedAt && until + RECONNECT_MS >= sentAt,
  );
  if (excused) return [];
  const tookMs = receivedAt - sentAt;
  if (tookMs > ANSWER_MS) return [violation('K2', `a toggle's answer took ${tookMs} ms`, `#${operation}`, scope)];
  if (outcome.kind !== 'unknown') return [];
  return [violation('K2', `a toggle was not answered: ${outcome.why}`, `#${operation}`, scope)];
}

function covers(scope: string, { mode, strategy }: Pick<RunRow, 'mode' | 'strategy'>): boolean {
  return scope === 'global' || scope === `mode:${mode}` || scope === `strategy:${strategy}`;
}
