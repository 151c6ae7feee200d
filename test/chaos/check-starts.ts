import type { Evidence, RunRow } from './evidence.js';
import type { History, StartRecord } from './history.js';
import { type Violation, violation } from './violation.js';

/** R1, R2 and R3 as callers see them: what was answered to each start, against the runs that there are. */
export function checkStarts(history: History, evidence: Evidence): Violation[] {
  return [
    ...history.starts.flatMap((start) => checkAnswer(start, evidence)),
    ...[...evidence.runs.values()].flatMap((run) => explain(run, history)),
    ...checkKeys(history, evidence),
  ];
}

function checkAnswer(start: StartRecord, { runs, witness }: Evidence): Violation[] {
  const { outcome, operation } = start;
  const at = `#${operation}`;
  switch (outcome.kind) {
    case 'accepted': {
      const run = runs.get(outcome.runId);
      if (run === undefined) return [violation('R1', `the run of an accepted start is gone`, outcome.runId, at)];
      if (run.status === 'ENQUEUE_FAILED')
        return [violation('R1', 'an accepted run is marked ENQUEUE_FAILED', run.id, at)];
      return isOf(run, start) ? [] : [violation('R3', 'the run is not what was asked for', run.id, start.key, at)];
    }
    case 'replayed': {
      const run = runs.get(outcome.runId);
      if (run === undefined || !isOf(run, start) || start.key === undefined)
        return [violation('R3', 'a replay names a run that is not its own', outcome.runId, start.key, at)];
      return [];
    }
    case 'refused': {
      if (outcome.status === 500) return [violation('contract', 'answered 500', at, start.key)];
      if (outcome.code === 'IDEMPOTENCY_KEY_REUSED' || outcome.runId === undefined) return [];
      const run = runs.get(outcome.runId);
      if ((run === undefined || run.status === 'ENQUEUE_FAILED') && !witness.has(outcome.runId)) return [];
      return [violation('R2', `refused with ${outcome.code}, yet ${run?.status ?? 'witnessed'}`, outcome.runId, at)];
    }
    case 'unknown':
      return [];
  }
}

/** Every run that may have executed must have been accepted, or left open, by an answer to somebody who asked for just that. */
function explain(run: RunRow, history: History): Violation[] {
  if (run.status === 'ENQUEUE_FAILED') return [];
  const causes = history.starts.filter((start) => isOf(run, start));
  const explained = causes.some(
    ({ outcome }) => outcome.kind === 'unknown' || (outcome.kind === 'accepted' && outcome.runId === run.id),
  );
  if (explained) return [];
  const about = causes.map(({ operation }) => `#${operation}`);
  return [violation('R2', `a run is ${run.status} though every start that asked for it was refused`, run.id, ...about)];
}

/** R3: one key, one run; other parameters are refused. */
function checkKeys({ starts }: History, { runs }: Evidence): Violation[] {
  const found: Violation[] = [];
  const owners = new Map<string, string>();
  for (const run of runs.values()) {
    if (run.key === null || run.status === 'ENQUEUE_FAILED') continue;
    const name = `${run.strategy} ${run.key}`;
    const other = owners.get(name);
    if (other !== undefined) found.push(violation('R3', 'two runs have one key', run.id, other, run.key));
    owners.set(name, run.id);
  }
  for (const start of starts) {
    const { outcome, key, operation } = start;
    if (key === undefined || (outcome.kind !== 'accepted' && outcome.kind !== 'replayed')) continue;
    const owner = owners.get(`${start.wish.strategy} ${key}`);
    // A replay may have named a run that its api then could not enqueue.
    if (outcome.kind === 'replayed' && runs.get(outcome.runId)?.status === 'ENQUEUE_FAILED') continue;
    if (owner !== outcome.runId)
      found.push(
        violation('R3', 'the answer names another run than the key', key, owner, outcome.runId, `#${operation}`),
      );
  }
  return found;
}

/** Notes are in no two starts but repeats of each other. */
function isOf(run: RunRow, { wish, key }: StartRecord): boolean {
  return (
    run.notes === wish.notes && run.strategy === wish.strategy && run.mode === wish.mode && run.key === (key ?? null)
  );
}
