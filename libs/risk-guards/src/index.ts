export { AutoKillSwitch, type ObservedRunEnd } from './auto-kill-switch.js';
export { GetRisk, type RiskItem } from './get-risk.js';
export { RiskDays, type TradingResult } from './risk-days.js';
export { type AdmissionRecord, guarded, type Purpose, RiskGuards } from './risk-guards.js';
export { RiskGuardsModule } from './risk-guards.module.js';
export { RiskState, RiskStateUnavailable } from './risk-state.js';
export type { GuardRefusal } from './rules/refusal.js';
