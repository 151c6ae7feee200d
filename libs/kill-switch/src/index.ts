export { GetKillSwitches } from './get-kill-switches.js';
export {
  type KillSwitch,
  type KillSwitchWish,
  type Level,
  LEVELS,
  type Mode,
  MODES,
  parseScope,
  type Scope,
  scopesOver,
  strictest,
} from './kill-switch.js';
export { type Halt, KillSwitchWatch } from './kill-switch-watch.js';
export { KillSwitchToggle } from './kill-switch-toggle.js';
export { KillSwitchModule } from './kill-switch.module.js';
export { KillSwitches, type KillSwitchRow, killSwitchOf } from './kill-switches.repository.js';
export { ToggleKillSwitch, type ToggleKillSwitchResult } from './toggle-kill-switch.js';
