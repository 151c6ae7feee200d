import { z } from 'zod';
import { amount, integer, positiveDecimal, priceDistance } from './parsers.js';

const DAY_MS = 86_400_000;

/** The rules that take a limit, each with the setting that gives its first value. Undefined: not limited. */
const SETTING_OF_RULE = {
  position: 'MAX_POSITION_LIMIT',
  dailyLoss: 'RISK_MAX_DAILY_LOSS',
  orderRate: 'ORDER_RATE_LIMIT_PER_MIN',
  priceCollar: 'RISK_PRICE_COLLAR',
  marketDataAge: 'MARKET_DATA_MAX_AGE_MS',
  duplicate: 'RISK_DUPLICATE_WINDOW_MS',
  orderQuantity: 'RISK_MAX_ORDER_QUANTITY',
  orderValue: 'RISK_MAX_ORDER_VALUE',
  openOrders: 'RISK_MAX_OPEN_ORDERS',
  exposure: 'RISK_MAX_STRATEGY_EXPOSURE',
  drawdown: 'RISK_MAX_DRAWDOWN',
  totalDailyLoss: 'RISK_MAX_TOTAL_DAILY_LOSS',
  losingStreak: 'RISK_LOSING_STREAK',
  marketCloses: 'RISK_MARKET_CLOSES_WITHIN_MS',
  messageRate: 'RISK_MESSAGE_RATE_PER_MIN',
} as const;

/** Settings of the risk rules, for the schema of the environment. */
export const RISK_SETTINGS = {
  MAX_POSITION_LIMIT: positiveDecimal().default(1_000_000),
  RISK_MAX_DAILY_LOSS: amount().default('500000'),
  ORDER_RATE_LIMIT_PER_MIN: integer(0, 1_000_000).default(30),
  RISK_PRICE_COLLAR: priceDistance().optional(),
  MARKET_DATA_MAX_AGE_MS: integer(0, DAY_MS).optional(),
  RISK_DUPLICATE_WINDOW_MS: integer(0, DAY_MS).optional(),
  RISK_MAX_ORDER_QUANTITY: amount().optional(),
  RISK_MAX_ORDER_VALUE: amount().optional(),
  RISK_MAX_OPEN_ORDERS: integer(0, 1_000_000).optional(),
  RISK_MAX_STRATEGY_EXPOSURE: amount().optional(),
  RISK_MAX_DRAWDOWN: amount().optional(),
  RISK_MAX_TOTAL_DAILY_LOSS: amount().optional(),
  RISK_LOSING_STREAK: integer(0, 1_000_000).optional(),
  RISK_MARKET_CLOSES_WITHIN_MS: integer(0, DAY_MS).optional(),
  RISK_MESSAGE_RATE_PER_MIN: integer(0, 1_000_000).optional(),
  RISK_REQUIRED_IN_LIVE: ruleNames().default([
    'orderValue',
    'position',
    'dailyLoss',
    'orderRate',
    'priceCollar',
    'marketDataAge',
  ]),
};

type RiskEnvironment = z.infer<z.ZodObject<typeof RISK_SETTINGS>>;

/** A rule that takes a limit. */
export type LimitedRule = keyof typeof SETTING_OF_RULE;

export interface RiskSettings {
  /** The first value of each rule's limit over everything; decimal text. A rule that is missing is not limited. */
  readonly limits: ReadonlyMap<LimitedRule, string>;
  /** Rules without a limit of which no live order is admitted. */
  readonly requiredInLive: readonly LimitedRule[];
}

export function riskSettings(environment: RiskEnvironment): RiskSettings {
  const limits = Object.entries(SETTING_OF_RULE).flatMap(([rule, setting]): [LimitedRule, string][] => {
    const value = environment[setting];
    return value === undefined ? [] : [[rule as LimitedRule, plain(value)]];
  });
  return { limits: new Map(limits), requiredInLive: environment.RISK_REQUIRED_IN_LIVE };
}

/** Settings' numbers have at most 15 digits before the point and 8 behind, of which a float shows all that were written. */
function plain(value: number | string): string {
  return typeof value === 'string'
    ? value
    : value.toLocaleString('en', { useGrouping: false, maximumFractionDigits: 8 });
}

function ruleNames() {
  const rules = Object.keys(SETTING_OF_RULE);
  const allowed = `names of rules separated by commas, of ${rules.join(', ')}`;
  return z
    .string()
    .transform((text) => text.split(',').map((item) => item.trim()))
    .refine((items): items is LimitedRule[] => items.every((item) => rules.includes(item)), allowed);
}
