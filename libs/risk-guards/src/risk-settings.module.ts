import { OpsEventsModule } from '@interlock/ops-events';
import { Module } from '@nestjs/common';
import { LimitsFromSettings } from './limits-from-settings.js';
import { RiskDays } from './risk-days.js';
import { RiskGuardsModule } from './risk-guards.module.js';
import { RiskLimitRows } from './risk-limits.js';
import { RiskTimezone } from './risk-timezone.js';

/**
 * Makes the settings' limits and time zone those of the database when a program boots. For the api and the worker only: a command that
 * knows nothing but the database's address would put the defaults in the place of what the operators have set.
 */
@Module({
  imports: [RiskGuardsModule, OpsEventsModule],
  providers: [RiskDays, RiskLimitRows, RiskTimezone, LimitsFromSettings],
})
export class RiskSettingsModule {}
