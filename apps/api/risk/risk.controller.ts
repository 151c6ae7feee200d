import { GetRisk, SetRiskLimits } from '@interlock/risk-guards';
import type { Actor } from '@interlock/access';
import { Body, Controller, Get, Put } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiBody, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Access } from '../http/access.decorator.js';
import { Refusals } from '../http/refusals.decorator.js';
import { invalid } from '../http/api-error.js';
import { Caller } from '../http/request-context.js';
import { limitsExamples, riskExample } from './risk.examples.js';
import { limitChangesOf, SetLimitsAnswer, SetLimitsBody } from './set-limits.dto.js';
import { RiskAnswer } from './risk.dto.js';

@ApiTags('Risk')
@Controller('api/risk')
export class RiskController {
  constructor(
    private readonly queries: QueryBus,
    private readonly commands: CommandBus,
  ) {}

  /** How close each configured guard is to its limit. */
  @Get()
  @Access('observer')
  @Refusals('RISK_STATE_UNAVAILABLE')
  @ApiOkResponse({ type: RiskAnswer, description: 'The guards.', example: riskExample })
  async getRisk(): Promise<RiskAnswer> {
    return { ok: true, ...(await this.queries.execute(new GetRisk())) };
  }

  /**
   * Sets limits, all of them or none. The next start or order in any process is judged by them; a limit that a person has set here
   * stays, whatever the settings say. Setting `losingStreak` lets the strategies of its scope trade again.
   */
  @Put('limits')
  @Access('risk-officer')
  @ApiBody({ type: SetLimitsBody, examples: limitsExamples.bodies })
  @ApiOkResponse({ type: SetLimitsAnswer, description: 'The limits as they were set.', example: limitsExamples.set })
  async setRiskLimits(@Body() body: SetLimitsBody, @Caller() caller: Actor): Promise<SetLimitsAnswer> {
    const changes = limitChangesOf(body);
    const result = await this.commands.execute(new SetRiskLimits(changes, body.reason, caller.name));
    if (result.kind === 'invalid') throw invalid(result.fieldErrors);
    return { ok: true, version: result.version, limits: [...result.limits] };
  }
}
