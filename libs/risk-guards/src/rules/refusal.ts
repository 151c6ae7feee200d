/** Rules with a limit that people set. */
export const LIMIT_RULES = [
  'position',
  'dailyLoss',
  'orderRate',
  'exposure',
  'openOrders',
  'orderQuantity',
  'orderValue',
  'messageRate',
  'totalDailyLoss',
  'drawdown',
  'losingStreak',
  'priceCollar',
  'marketDataAge',
  'marketCloses',
  'duplicate',
] as const;
export type LimitRule = (typeof LIMIT_RULES)[number];

/** `startRate` is limited by a setting alone; those after it are no limits, they follow from the market, the books and the order. */
export const RULE_NAMES = [
  ...LIMIT_RULES,
  'startRate',
  'tick',
  'minimumSize',
  'marketStatus',
  'venueStatus',
  'cash',
  'holding',
  'selfMatch',
  'reduceOnly',
] as const;
export type RuleName = (typeof RULE_NAMES)[number];

export const REFUSAL_CODES = [
  'MAX_POSITION_EXCEEDED',
  'RISK_LIMIT_EXCEEDED',
  'ORDER_RATE_LIMIT_EXCEEDED',
  'MARKET_CLOSED',
  'MARKET_DATA_STALE',
  'PRICE_COLLAR_EXCEEDED',
  'INVALID_TICK',
  'BELOW_MINIMUM_SIZE',
  'MAX_ORDER_QUANTITY_EXCEEDED',
  'MAX_ORDER_VALUE_EXCEEDED',
  'MAX_OPEN_ORDERS_EXCEEDED',
  'EXPOSURE_LIMIT_EXCEEDED',
  'DRAWDOWN_EXCEEDED',
  'LOSING_STREAK',
  'DUPLICATE_ORDER',
  'SELF_MATCH',
  'INSUFFICIENT_CASH',
  'INSUFFICIENT_POSITION',
  'REDUCE_ONLY_VIOLATION',
  'LIMIT_NOT_CONFIGURED',
] as const;
export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** Why a guard said no: the rule, where it applies, the value that broke it and the limit (safety.md, G5). */
export interface GuardRefusal {
  readonly code: RefusalCode;
  /** One plain sentence. */
  readonly message: string;
  /** Decimal text for amounts and counts; `scope` is `mode:<mode>` for totals. */
  readonly details: {
    readonly rule: RuleName;
    readonly scope: string;
    readonly current: string;
    readonly limit: string;
  };
}
