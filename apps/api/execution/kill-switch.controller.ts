import type { Actor } from '@interlock/access';
import { CountAbortedRuns } from '@interlock/execution';
import { answeredWithin } from '@interlock/persistence';
import {
  GetKillSwitches,
  type KillSwitch,
  type KillSwitchWish,
  parseScope,
  ToggleKillSwitch,
} from '@interlock/kill-switch';
import { Body, Controller, Get, HttpCode, Logger, Post } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiBody, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Access } from '../http/access.decorator.js';
import { ApiError, invalid } from '../http/api-error.js';
import { Refusals } from '../http/refusals.decorator.js';
import { Caller } from '../http/request-context.js';
import { killSwitchExamples } from './kill-switch.examples.js';
import { killSwitchAnswer, KillSwitchesAnswer, StopAnswer, StopBody } from './kill-switch.dto.js';

/** A stop is answered within 3 s: what cannot be counted by then is not waited for. */
const ANSWER_MS = 2_800;

@ApiTags('Kill switch')
@Controller('api/execution/stop')
export class KillSwitchController {
  private readonly logger = new Logger('kill-switch');

  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  /**
   * Turns a kill switch on or off, or changes its level. After the answer nothing is admitted that the switch forbids, in any
   * process; at `halt` running work is aborted. An empty body halts everything. Turning it off, and from `halt` to `reduce`, takes
   * the role `risk-officer`.
   */
  @Post()
  @HttpCode(200)
  @Access('operator', { urgent: true })
  @Refusals('KILL_SWITCH_UNCHANGED')
  @ApiBody({ type: StopBody, examples: killSwitchExamples.bodies })
  @ApiOkResponse({ type: StopAnswer, description: 'The switch is as wished.', example: killSwitchExamples.stopped })
  async setKillSwitch(@Body() body: StopBody, @Caller() caller: Actor): Promise<StopAnswer> {
    const until = performance.now() + ANSWER_MS;
    const result = await this.commands.execute(new ToggleKillSwitch(wishOf(body), caller));
    switch (result.kind) {
      case 'changed': {
        const runsAborted = await this.abortedBy(result.killSwitch, until);
        const effect = { runsAborted, ordersCanceled: 0, ordersUnknown: 0 };
        return { ok: true, killSwitch: killSwitchAnswer(result.killSwitch), effect };
      }
      case 'unchanged': {
        const killSwitch = killSwitchAnswer(result.killSwitch);
        throw new ApiError('KILL_SWITCH_UNCHANGED', `The switch ${killSwitch.scope} is so already.`, { killSwitch });
      }
      case 'forbidden':
        throw new ApiError('FORBIDDEN', 'Letting more through takes the role risk-officer.');
    }
  }

  /** The state of the global switch and of every other that was ever touched. */
  @Get()
  @Access('public')
  @ApiOkResponse({ type: KillSwitchesAnswer, description: 'The switches.', example: killSwitchExamples.all })
  async getKillSwitches(): Promise<KillSwitchesAnswer> {
    const { global, touched } = await this.queries.execute(new GetKillSwitches());
    return { ok: true, killSwitch: killSwitchAnswer(global), scopes: touched.map(killSwitchAnswer) };
  }

  private async abortedBy(killSwitch: KillSwitch, until: number): Promise<number> {
    if (killSwitch.level !== 'halt') return 0;
    try {
      return await answeredWithin(until - performance.now(), this.queries.execute(new CountAbortedRuns(killSwitch)));
    } catch (error) {
      // The switch is turned, and that is what the answer must say; events tell of the runs.
      this.logger.error({ err: error }, 'the runs that the switch aborts could not be counted');
      return 0;
    }
  }
}

function wishOf({ enabled, level, reason, scope: text }: StopBody): KillSwitchWish {
  if (!enabled && level !== undefined) throw invalid({ level: ['must be left out when enabled is false'] });
  const scope = parseScope(text);
  if (scope === null) throw new Error(`a scope passed validation that is none: ${text}`);
  return { scope, enabled, level: level ?? 'halt', reason };
}
