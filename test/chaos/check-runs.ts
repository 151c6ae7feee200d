import { canBecome, isFinal } from '../../libs/execution/src/run.js';
import type { Testimony } from '../support/cluster-witness.js';
import type { Evidence, RunChange, RunRow } from './evidence.js';
import { type Violation, violation } from './violation.js';

const LEASE_MS = 2_000;
/** A worker that has not renewed for lease − margin tells its work to end (libs/execution, run-lease.ts). */
const FENCE_MS = LEASE_MS * 0.8;
const JOB_ATTEMPTS = 3;

/** R1, R4 and R6 inside the database: how each run's status went, and when its work was seen. */
export function checkRuns(evidence: Evidence): Violation[] {
  return [...evidence.runs.values()].flatMap((run) => {
    const changes = evidence.changes.get(run.id) ?? [];
    const witness = evidence.witness.get(run.id) ?? [];
    return [
      ...checkTransitions(run, changes),
      ...checkPermission(run, changes, witness),
      ...checkEpochs(run, changes, witness),
      ...checkResumption(run, evidence, witness),
    ];
  });
}

/** R1: legal steps to exactly one final status, at which it stays. */
function checkTransitions(run: RunRow, changes: readonly RunChange[]): Violation[] {
  const found: Violation[] = [];
  let epoch = 0;
  for (const [index, change] of changes.entries()) {
    // What one transaction does is one step: a dry run is claimed and done at once.
    const earlier = changes[index - 1];
    const from = earlier?.transaction === change.transaction ? earlier.from : change.from;
    const isStep = changes[index + 1]?.transaction !== change.transaction;
    if (isStep && from !== null && !canBecome(from, change.to))
      found.push(violation('R1', `went from ${from} to ${change.to}`, run.id));
    if (isClaim(change) ? change.epoch <= epoch : change.epoch !== epoch)
      found.push(violation('R4', `epoch ${change.epoch} came after ${epoch}`, run.id));
    ({ epoch } = change);
  }
  if (!isFinal(run.status)) found.push(violation('R1', `never ended: it is ${run.status}`, run.id));
  if (changes.at(-1)?.to !== run.status)
    found.push(violation('R1', `is ${run.status} without having become it`, run.id));
  const retries = changes.filter(({ to }) => to === 'RETRYING').length;
  if (retries >= JOB_ATTEMPTS) found.push(violation('R6', `was let wait for ${retries} retries`, run.id));
  return found;
}

/** The end of a dry run may be its claim as well. */
function isClaim({ from, to }: RunChange): boolean {
  return to === 'RUNNING' || (to === 'DRY_RUN_DONE' && from !== 'RUNNING');
}

/** R2: neither a dry run nor one that never got to a worker has been at work. */
function checkPermission(run: RunRow, changes: readonly RunChange[], witness: readonly Testimony[]): Violation[] {
  const mustNot = run.dryRun || ['ENQUEUE_FAILED', 'EXPIRED', 'BLOCKED', 'DRY_RUN_DONE'].includes(run.status);
  const began = witness.length > 0;
  // A run that had begun may be refused when another worker takes it over, or takes up what was handed back.
  const mayHaveBegun = run.status === 'BLOCKED' && changes.some(({ to }) => to === 'RUNNING');
  if (!mustNot || !began || (mayHaveBegun && !run.dryRun)) return [];
  return [violation('R2', `was at work though it is ${run.dryRun ? 'a dry run' : run.status}`, run.id)];
}

/**
 * R4: under one epoch nothing is seen before its claim, and nothing after its worker let go or another took over.
 *
 * One sign is tolerated: the first one of a worker that had stood still for as long as the fence. Work that was due before the
 * fence comes first when a frozen process goes on, and no check inside a process can be at once with what follows it. That is
 * why R4 promises the database's own rows, whose writes name the epoch, and leaves effects outside to O1 and the send-by
 * deadline. A second sign would mean that the fence did not fall.
 */
function checkEpochs(run: RunRow, changes: readonly RunChange[], witness: readonly Testimony[]): Violation[] {
  const found: Violation[] = [];
  for (const [index, claim] of changes.entries()) {
    if (claim.to !== 'RUNNING') continue;
    const over = changes[index + 1]?.at ?? Infinity;
    const signs = witness.filter(({ epoch, kind }) => epoch === claim.epoch && kind !== 'abort');
    const pids = new Set(signs.map(({ pid }) => pid));
    if (pids.size > 1) found.push(violation('R4', `epoch ${claim.epoch} had workers ${[...pids].join(', ')}`, run.id));
    if (signs.some(({ at }) => at < claim.at))
      found.push(violation('R4', `epoch ${claim.epoch} was at work before its claim`, run.id));
    const late = signs.filter(({ at }) => at > over);
    const first = late[0];
    if (first === undefined) continue;
    const before = signs.findLast(({ seq }) => seq < first.seq)?.at ?? claim.at;
    const stoodStillMs = first.at - before;
    if (late.length === 1 && stoodStillMs >= FENCE_MS) continue;
    const sentence = `epoch ${claim.epoch}: ${late.length} signs after its end, the first ${Math.round(first.at - over)} ms after it and ${Math.round(stoodStillMs)} ms after the sign before`;
    found.push(violation('R4', sentence, run.id));
  }
  const claimed = new Set(changes.filter(({ to }) => to === 'RUNNING').map(({ epoch }) => epoch));
  if (witness.some(({ epoch }) => !claimed.has(epoch)))
    found.push(violation('R4', 'was at work under an epoch that nobody claimed', run.id));
  return found;
}

/** R6: a stage whose result is stored is not begun again. */
function checkResumption(run: RunRow, { completions }: Evidence, witness: readonly Testimony[]): Violation[] {
  return completions
    .filter(({ runId }) => runId === run.id)
    .filter(({ stage, at }) => witness.some((sign) => sign.stage === stage && sign.kind === 'begin' && sign.at > at))
    .map(({ stage }) => violation('R6', `${stage} was begun again after its result was stored`, run.id));
}
