import { type KillSwitch, type Level, LEVELS, parseScope } from '@interlock/kill-switch';
import { constraint, OneOf, Optional, TextUpTo, TrueOrFalse } from '../http/constraints.js';

const SCOPES_ALLOWED = 'must be global, mode:mock, mode:paper, mode:live, venue:<name> or strategy:<name>';

function KillSwitchScope(): PropertyDecorator {
  const test = (value: unknown) => typeof value === 'string' && parseScope(value) !== null;
  return constraint('scope', SCOPES_ALLOWED, test, { type: String, example: 'mode:live' });
}

/** What the switch is to be. An empty body halts everything. */
export class StopBody {
  /** False turns the switch off, which takes the role risk-officer. */
  @Optional()
  @TrueOrFalse()
  enabled: boolean = true;

  /**
   * Why; shown with the switch and in its event.
   * @example 'prices look wrong'
   */
  @Optional()
  @TextUpTo(500)
  reason?: string;

  /** `global`, `mode:…`, `venue:…` or `strategy:…`; names need not exist yet. */
  @Optional()
  @KillSwitchScope()
  scope: string = 'global';

  /** `halt` when absent: nothing is admitted, running work is aborted. `reduce`: running work goes on. Only with `enabled: true`. */
  @Optional()
  @OneOf(LEVELS)
  level?: Level;
}

export class KillSwitchAnswer {
  /** @example 'global' */
  scope!: string;

  enabled!: boolean;

  /** Null while off. */
  level!: Level | null;

  reason!: string | null;

  /** Rises with every change, from 0. */
  version!: number;

  /** ISO 8601, UTC; null while never touched. */
  updatedAt!: string | null;

  updatedBy!: string | null;
}

export class StopEffect {
  /** Runs that were running and are aborted. */
  runsAborted!: number;

  ordersCanceled!: number;

  ordersUnknown!: number;
}

export class StopAnswer {
  ok!: true;

  killSwitch!: KillSwitchAnswer;

  effect!: StopEffect;
}

export class KillSwitchesAnswer {
  ok!: true;

  /** The global switch. */
  killSwitch!: KillSwitchAnswer;

  /** Every switch that was ever touched. */
  scopes!: KillSwitchAnswer[];
}

export function killSwitchAnswer(killSwitch: KillSwitch): KillSwitchAnswer {
  const { scope, enabled, level, reason, version, updatedAt, updatedBy } = killSwitch;
  return { scope, enabled, level, reason, version, updatedAt: updatedAt?.toISOString() ?? null, updatedBy };
}
