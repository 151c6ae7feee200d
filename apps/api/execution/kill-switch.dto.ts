import { NAME_PATTERN } from '@interlock/config';
import { type KillSwitch, type Level, LEVELS, MODES, parseScope } from '@interlock/kill-switch';
import { ApiProperty } from '@nestjs/swagger';
import { COUNT, OK, TIME } from '../docs/fields.js';
import { constraint, OneOf, Optional, TextUpTo, TrueOrFalse } from '../http/constraints.js';

export const SCOPE_PATTERN = `^(global|mode:(${MODES.join('|')})|(venue|strategy):${NAME_PATTERN.source.slice(1, -1)})$`;
const SCOPES_ALLOWED = 'must be global, mode:mock, mode:paper, mode:live, venue:<name> or strategy:<name>';

export function KillSwitchScope(): PropertyDecorator {
  const test = (value: unknown) => typeof value === 'string' && parseScope(value) !== null;
  return constraint('scope', SCOPES_ALLOWED, test, { type: String, pattern: SCOPE_PATTERN, example: 'mode:live' });
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
  @ApiProperty({ pattern: SCOPE_PATTERN })
  scope!: string;

  @ApiProperty()
  enabled!: boolean;

  /** Null while off. */
  @ApiProperty({ enum: LEVELS })
  level!: Level | null;

  /** @example 'odd fills' */
  @ApiProperty()
  reason!: string | null;

  /** Rises with every change, from 0. */
  @ApiProperty(COUNT)
  version!: number;

  /** Null while never touched. */
  @ApiProperty(TIME)
  updatedAt!: string | null;

  /**
   * Who turned it, a person or `auto-kill-switch`; null while never touched.
   * @example 'admin'
   */
  @ApiProperty()
  updatedBy!: string | null;
}

export class StopEffect {
  /** Runs that were running and are aborted; pressed again, those that run still. */
  @ApiProperty(COUNT)
  runsAborted!: number;

  /**
   * Of the orders that worked when the switch was turned (pressed again: when it was pressed) and that it forbids, those that have
   * ended, those that were never sent included. One that turns out to be filled is not counted.
   */
  @ApiProperty(COUNT)
  ordersCanceled!: number;

  /**
   * Of these orders, those of which it is not known by now that they have ended. They are chased until none works. Null: they could not
   * be counted, since the database was lost after the switch was turned.
   */
  @ApiProperty(COUNT)
  ordersUnknown!: number | null;
}

export class StopAnswer {
  @ApiProperty(OK)
  ok!: true;

  @ApiProperty()
  killSwitch!: KillSwitchAnswer;

  /** What is known when answering. */
  @ApiProperty()
  effect!: StopEffect;
}

export class KillSwitchesAnswer {
  @ApiProperty(OK)
  ok!: true;

  /** The global switch. */
  @ApiProperty()
  killSwitch!: KillSwitchAnswer;

  /** Every switch that was ever touched. */
  @ApiProperty()
  scopes!: KillSwitchAnswer[];
}

export function killSwitchAnswer(killSwitch: KillSwitch): KillSwitchAnswer {
  const { scope, enabled, level, reason, version, updatedAt, updatedBy } = killSwitch;
  return { scope, enabled, level, reason, version, updatedAt: updatedAt?.toISOString() ?? null, updatedBy };
}
