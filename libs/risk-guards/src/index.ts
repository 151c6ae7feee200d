export { AutoKillSwitch, type ObservedRunEnd, type TripCause } from './auto-kill-switch.js';
export { GetRisk, type RiskItem } from './get-risk.js';
export { OrderAdmissions } from './order-admissions.js';
export type { NearLimit, OrderGuards } from './order-guards.js';
export { SetRiskLimits, type SetRiskLimitsResult } from './set-risk-limits.js';
export { decimal } from './rules/decimal.js';
export type { OrderIntent, UnpricedIntent } from './rules/order-intent.js';
export { RiskDays, type TradingResult } from './risk-days.js';
export { type AdmissionRecord, guarded, type Purpose, RiskGuards } from './risk-guards.js';
export { RiskGuardsModule } from './risk-guards.module.js';
export { RiskSettingsModule } from './risk-settings.module.js';
export { RiskWatch } from './risk-watch.js';
export { RiskState, RiskStateUnavailable } from './risk-state.js';
export {
  type GuardRefusal,
  LIMIT_RULES,
  type LimitRule,
  REFUSAL_CODES,
  type RefusalCode,
  RULE_NAMES,
} from './rules/refusal.js';
export type { LimitChange } from './risk-limits.js';
