import { type KillSwitch } from '@interlock/kill-switch';
import type { NewOpsEvent } from '@interlock/ops-events';
import type { GuardRefusal } from '@interlock/risk-guards';
import type { RunParams } from './run.js';

/** Why a run may not start, or may not go on to its work. */
export type StartRefusal = { kind: 'kill-switch'; killSwitch: KillSwitch } | { kind: 'refused'; refusal: GuardRefusal };

/** One sentence for people. */
export function refusalSentence(refusal: StartRefusal): string {
  return refusal.kind === 'refused' ? refusal.refusal.message : haltSentence(refusal.killSwitch);
}

/** "global is halted by the kill switch: reason", with the level in words (safety.md, K7). */
export function haltSentence({ scope, level, reason }: KillSwitch): string {
  const doing = level === 'reduce' ? 'reducing' : 'halted';
  return `${scope} is ${doing} by the kill switch${reason === null ? '' : `: ${reason}`}`;
}

/** The event of a refusal, and the key under which such events are bounded: per rule and strategy. */
export function startBlocked(
  params: RunParams,
  refusal: StartRefusal,
  by: { source: 'api'; actor: string } | { source: 'worker'; runId: string; jobId: string },
): { key: string; event: NewOpsEvent } {
  const why = explain(refusal);
  const { strategy, mode, pipeline, maxPosition } = params;
  return {
    key: `execution_start_blocked ${by.source} ${why.rule} ${strategy}`,
    event: {
      event: 'execution_start_blocked',
      ...by,
      reason: refusalSentence(refusal),
      details: { ...why, strategy, mode, pipeline, maxPosition },
    },
  };
}

/** Rule, scope, current value and limit of a refusal (safety.md, G5). */
export function explain(refusal: StartRefusal) {
  if (refusal.kind === 'refused') return { code: refusal.refusal.code, ...refusal.refusal.details };
  const { scope, level } = refusal.killSwitch;
  return { code: 'KILL_SWITCH_ON', rule: 'killSwitch', scope, current: level, limit: null };
}
