import { MetricsModule } from '@interlock/observability';
import { OpsEventsModule } from '@interlock/ops-events';
import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { GetKillSwitchesHandler } from './get-kill-switches.js';
import { KillSwitchMetrics } from './kill-switch-metrics.js';
import { KillSwitchWatch } from './kill-switch-watch.js';
import { KillSwitchToggle } from './kill-switch-toggle.js';
import { KillSwitches } from './kill-switches.repository.js';
import { ToggleKillSwitchHandler } from './toggle-kill-switch.js';

@Module({
  imports: [CqrsModule, MetricsModule, OpsEventsModule],
  providers: [
    KillSwitches,
    KillSwitchWatch,
    KillSwitchToggle,
    ToggleKillSwitchHandler,
    GetKillSwitchesHandler,
    KillSwitchMetrics,
  ],
  exports: [KillSwitches, KillSwitchWatch, KillSwitchToggle],
})
export class KillSwitchModule {}
