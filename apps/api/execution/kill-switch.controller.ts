import type { Actor } from '@interlock/access';
import { GetKillSwitches, type KillSwitchWish, parseScope, ToggleKillSwitch } from '@interlock/kill-switch';
import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiBody, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Access } from '../http/access.decorator.js';
import { ApiError, invalid } from '../http/api-error.js';
import { Refusals } from '../http/refusals.decorator.js';
import { Caller } from '../http/request-context.js';
import { KillSwitchPress } from './kill-switch-press.js';
import { killSwitchExamples } from './kill-switch.examples.js';
import { killSwitchAnswer, KillSwitchesAnswer, StopAnswer, StopBody } from './kill-switch.dto.js';

@ApiTags('Kill switch')
@Controller('api/execution/stop')
export class KillSwitchController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    private readonly press: KillSwitchPress,
  ) {}

  /**
   * Turns a kill switch on or off, or changes its level. After the answer nothing is admitted or sent that the switch forbids, in any
   * process; working orders that it forbids are canceled at their venues (at `halt` all, at `reduce` those that buy), and at `halt`
   * running work is aborted. An empty body halts everything. Pressing again, while it is so already, sweeps the orders again.
   * Turning it off, and from `halt` to `reduce`, takes the role `risk-officer`.
   */
  @Post()
  @HttpCode(200)
  @Access('operator', { urgent: true })
  @Refusals('KILL_SWITCH_UNCHANGED')
  @ApiBody({ type: StopBody, examples: killSwitchExamples.bodies })
  @ApiOkResponse({ type: StopAnswer, description: 'The switch is as wished.', example: killSwitchExamples.stopped })
  async setKillSwitch(@Body() body: StopBody, @Caller() caller: Actor): Promise<StopAnswer> {
    const pressedAt = performance.now();
    const result = await this.commands.execute(new ToggleKillSwitch(wishOf(body), caller));
    if (result.kind === 'forbidden') {
      throw new ApiError('FORBIDDEN', 'Letting more through takes the role risk-officer.');
    }
    const { kind, killSwitch } = result;
    const answer = killSwitchAnswer(killSwitch);
    const effect = await this.press.carryOut(killSwitch, kind === 'unchanged', pressedAt);
    if (kind === 'changed') return { ok: true, killSwitch: answer, effect };
    throw new ApiError('KILL_SWITCH_UNCHANGED', `The switch ${answer.scope} is so already.`, {
      killSwitch: answer,
      effect,
    });
  }

  /** The state of the global switch and of every other that was ever touched. */
  @Get()
  @Access('public')
  @ApiOkResponse({ type: KillSwitchesAnswer, description: 'The switches.', example: killSwitchExamples.all })
  async getKillSwitches(): Promise<KillSwitchesAnswer> {
    const { global, touched } = await this.queries.execute(new GetKillSwitches());
    return { ok: true, killSwitch: killSwitchAnswer(global), scopes: touched.map(killSwitchAnswer) };
  }
}

function wishOf({ enabled, level, reason, scope: text }: StopBody): KillSwitchWish {
  if (!enabled && level !== undefined) throw invalid({ level: ['must be left out when enabled is false'] });
  const scope = parseScope(text);
  if (scope === null) throw new Error(`a scope passed validation that is none: ${text}`);
  return { scope, enabled, level: level ?? 'halt', reason };
}
