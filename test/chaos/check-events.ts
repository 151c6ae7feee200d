import type { Evidence, RunRow } from './evidence.js';
import type { History } from './history.js';
import { type Violation, violation } from './violation.js';

/** E1: the events tell the same story as the rows, each thing once. */
export function checkEvents(history: History, evidence: Evidence): Violation[] {
  const counts = new Map<string, Map<string, number>>();
  for (const { event, runId } of evidence.events) {
    if (runId === null) continue;
    const ofRun = counts.get(runId) ?? new Map<string, number>();
    counts.set(runId, ofRun.set(event, (ofRun.get(event) ?? 0) + 1));
  }
  return [
    ...[...evidence.runs.values()].flatMap((run) =>
      checkRun(run, counts.get(run.id) ?? new Map<string, number>(), evidence),
    ),
    ...checkSwitchEvents(evidence),
    ...checkToggleAnswers(history, evidence),
    ...checkCancels(history, evidence),
  ];
}

function checkRun(run: RunRow, counts: ReadonlyMap<string, number>, { changes }: Evidence): Violation[] {
  const retries = (changes.get(run.id) ?? []).filter(({ to }) => to === 'RETRYING').length;
  const expected = {
    run_completed: run.status === 'COMPLETED' || run.status === 'DRY_RUN_DONE' ? 1 : 0,
    run_canceled: run.status === 'CANCELED' ? 1 : 0,
    run_expired: run.status === 'EXPIRED' ? 1 : 0,
    worker_failed: retries + (run.status === 'FAILED' ? 1 : 0),
  };
  const found = Object.entries(expected)
    .filter(([event, count]) => (counts.get(event) ?? 0) !== count)
    .map(([event, count]) =>
      violation('E1', `is ${run.status}, with ${counts.get(event) ?? 0} × ${event} rather than ${count}`, run.id),
    );
  const exhausted = counts.get('retry_exhausted') ?? 0;
  if (exhausted > (run.status === 'FAILED' ? 1 : 0))
    found.push(violation('E1', `is ${run.status}, with ${exhausted} × retry_exhausted`, run.id));
  return found;
}

/** Each version of a switch has its event, versions rise by one. */
function checkSwitchEvents({ switches, events }: Evidence): Violation[] {
  const found: Violation[] = [];
  const latest = new Map<string, number>();
  for (const { scope, version, enabled } of switches) {
    const before = latest.get(scope) ?? 0;
    if (version !== before + 1) found.push(violation('K1', `${scope}: version ${version} after ${before}`, scope));
    latest.set(scope, version);
    const own = events.filter(
      (event) => event.scope === scope && event.version === version && isSwitchEvent(event.event),
    );
    const name = enabled ? 'kill_switch_on' : 'kill_switch_off';
    if (own.length !== 1 || own[0]?.event !== name)
      found.push(
        violation('E1', `${scope} version ${version} has ${own.length} events rather than one ${name}`, scope),
      );
  }
  const told = events.filter(({ event }) => isSwitchEvent(event)).length;
  if (told !== switches.length) found.push(violation('E1', `${told} switch events for ${switches.length} changes`));
  return found;
}

function isSwitchEvent(event: string): boolean {
  return event === 'kill_switch_on' || event === 'kill_switch_off';
}

/** K1: what a toggle's answer says is stored, and no two answers claim one version. */
function checkToggleAnswers({ toggles }: History, { switches }: Evidence): Violation[] {
  const found: Violation[] = [];
  const claimed = new Set<string>();
  for (const { outcome, scope, enabled, operation } of toggles) {
    if (outcome.kind !== 'changed') continue;
    const name = `${scope} ${outcome.version}`;
    const stored = switches.find((row) => row.scope === scope && row.version === outcome.version);
    if (stored?.enabled !== enabled || claimed.has(name))
      found.push(violation('K1', `${name} is not what was answered`, scope, `#${operation}`));
    claimed.add(name);
  }
  return found;
}

function checkCancels({ cancels }: History, { runs }: Evidence): Violation[] {
  return cancels
    .filter(({ status }) => ![0, 200, 409, 503].includes(status))
    .map(({ status, code, runId, operation }) =>
      violation(
        'contract',
        `a cancel was answered ${status} ${code}; the run is ${runs.get(runId)?.status}`,
        runId,
        `#${operation}`,
      ),
    );
}
