import { GetRisk } from '@interlock/risk-guards';
import { Controller, Get } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Access } from '../http/access.decorator.js';
import { Refusals } from '../http/refusals.decorator.js';
import { riskExample } from './risk.examples.js';
import { RiskAnswer } from './risk.dto.js';

@ApiTags('Risk')
@Controller('api/risk')
export class RiskController {
  constructor(private readonly queries: QueryBus) {}

  /** How close each configured guard is to its limit. */
  @Get()
  @Access('observer')
  @Refusals('RISK_STATE_UNAVAILABLE')
  @ApiOkResponse({ type: RiskAnswer, description: 'The guards.', example: riskExample })
  async getRisk(): Promise<RiskAnswer> {
    return { ok: true, ...(await this.queries.execute(new GetRisk())) };
  }
}
