export type { AutoKillSwitchSettings } from './auto-kill-switch-settings.js';
export type { HttpSettings } from './http-settings.js';
export type { MarketsSourceSettings } from './markets-source-settings.js';
export type { LimitedRule, RiskSettings } from './risk-settings.js';
export { type FaultWish, NAME_PATTERN } from './parsers.js';
export { type RedisAddress } from './redis-address.js';
export { InvalidSettings, readSettings, Settings } from './settings.js';
export type { ReconciliationSettings, WatchSettings } from './watch-settings.js';
export { SettingsModule } from './settings.module.js';
