import { OpsEventsModule } from '@interlock/ops-events';
import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { GetKillSwitchesHandler } from './get-kill-switches.js';
import { KillSwitchWatch } from './kill-switch-watch.js';
import { KillSwitchToggle } from './kill-switch-toggle.js';
import { KillSwitches } from './kill-switches.repository.js';
import { ToggleKillSwitchHandler } from './toggle-kill-switch.js';

@Module({
  imports: [CqrsModule, OpsEventsModule],
  providers: [KillSwitches, KillSwitchWatch, KillSwitchToggle, ToggleKillSwitchHandler, GetKillSwitchesHandler],
  exports: [KillSwitches, KillSwitchWatch, KillSwitchToggle],
})
export class KillSwitchModule {}
