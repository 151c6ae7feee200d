import { type KillSwitch, scopesOver, strictest } from '@interlock/kill-switch';
import type { GuardRefusal, RiskState } from '@interlock/risk-guards';
import type { RunParams } from './run.js';
import type { StartRefusal } from './start-blocked.js';

/** No more runs may wait: there is nothing against the run but that it comes now. */
export interface QueueFull {
  readonly kind: 'queue-full';
}

/**
 * What forbids a run, at its start and again at its claim (safety.md, G2): a switch first, then the guards.
 * @param enabled switches that are on; those that do not stand over the run are passed over
 * @param risk counts the start when nothing forbids it, if it was opened for starts
 */
export function judgeStart(
  params: RunParams,
  enabled: readonly KillSwitch[],
  risk: RiskState,
): StartRefusal | undefined {
  return judgeSwitches(params, enabled) ?? refusedBy(risk.judgeStart(params));
}

/** As `judgeStart`, for a start for which there is no room in the queue; nothing is counted. */
export function judgeWithoutRoom(
  params: RunParams,
  enabled: readonly KillSwitch[],
  risk: RiskState,
): StartRefusal | QueueFull {
  return judgeSwitches(params, enabled) ?? refusedBy(risk.wouldRefuseStart(params)) ?? { kind: 'queue-full' };
}

function judgeSwitches(params: RunParams, enabled: readonly KillSwitch[]): StartRefusal | undefined {
  const scopes = scopesOver(params);
  const killSwitch = strictest(enabled.filter((candidate) => scopes.includes(candidate.scope)));
  return killSwitch === undefined ? undefined : { kind: 'kill-switch', killSwitch };
}

function refusedBy(refusal: GuardRefusal | undefined): StartRefusal | undefined {
  return refusal === undefined ? undefined : { kind: 'refused', refusal };
}
