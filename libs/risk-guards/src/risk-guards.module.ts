import { KillSwitchModule } from '@interlock/kill-switch';
import { OpsEventsModule } from '@interlock/ops-events';
import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { GetRiskHandler } from './get-risk.js';
import { RiskDays } from './risk-days.js';
import { RiskGuards } from './risk-guards.js';

/** The risk guards, their days, and the automatic kill switch. */
@Module({
  imports: [CqrsModule, KillSwitchModule, OpsEventsModule],
  providers: [RiskGuards, RiskDays, GetRiskHandler],
  exports: [RiskGuards, RiskDays],
})
export class RiskGuardsModule {}
