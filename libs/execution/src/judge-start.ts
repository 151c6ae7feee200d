import { type KillSwitch, scopesOver, strictest } from '@interlock/kill-switch';
import type { RiskState } from '@interlock/risk-guards';
import type { RunParams } from './run.js';
import type { StartRefusal } from './start-blocked.js';

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
  const scopes = scopesOver(params);
  const killSwitch = strictest(enabled.filter((candidate) => scopes.includes(candidate.scope)));
  if (killSwitch !== undefined) return { kind: 'kill-switch', killSwitch };
  const refusal = risk.judgeStart(params);
  return refusal === undefined ? undefined : { kind: 'refused', refusal };
}
