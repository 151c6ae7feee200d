import { KillSwitchModule } from '@interlock/kill-switch';
import { MetricsModule } from '@interlock/observability';
import { OpsEventsModule } from '@interlock/ops-events';
import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { AutoKillSwitch } from './auto-kill-switch.js';
import { AutoKillSwitchRows } from './auto-kill-switch.repository.js';
import { GetRiskHandler } from './get-risk.js';
import { RiskDays } from './risk-days.js';
import { HeadroomMetrics } from './headroom-metrics.js';
import { OrderAdmissions } from './order-admissions.js';
import { RiskGuards } from './risk-guards.js';
import { RiskLimitRows } from './risk-limits.js';
import { RiskWatch } from './risk-watch.js';
import { RiskWatchRows } from './risk-watch.repository.js';
import { SetRiskLimitsHandler } from './set-risk-limits.js';

/** The risk guards, their days, and the automatic kill switch. */
@Module({
  imports: [CqrsModule, MetricsModule, KillSwitchModule, OpsEventsModule],
  providers: [
    RiskGuards,
    RiskDays,
    AutoKillSwitchRows,
    AutoKillSwitch,
    RiskWatchRows,
    RiskWatch,
    GetRiskHandler,
    HeadroomMetrics,
    RiskLimitRows,
    SetRiskLimitsHandler,
    OrderAdmissions,
  ],
  exports: [RiskGuards, OrderAdmissions, RiskDays, AutoKillSwitch, RiskWatch],
})
export class RiskGuardsModule {}
