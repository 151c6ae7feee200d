import { compare, type Decimal, formatDecimal } from './decimal.js';
import { type Limit, toldScope } from './limits.js';
import type { GuardRefusal, LimitRule, RefusalCode } from './refusal.js';

interface Total {
  readonly code: RefusalCode;
  /** `above`: exactly the limit is still allowed; `reached`: it is not. */
  readonly refuses: 'above' | 'reached';
  /** Continues "in <scope> …", with the value and the limit. */
  readonly says: (current: string, limit: string) => string;
}

type TotalRule = Exclude<
  LimitRule,
  'orderQuantity' | 'orderValue' | 'priceCollar' | 'marketDataAge' | 'marketCloses' | 'duplicate'
>;

const TOTALS: Record<TotalRule, Total> = {
  orderRate: {
    code: 'ORDER_RATE_LIMIT_EXCEEDED',
    refuses: 'reached',
    says: (current, limit) => `${current} orders within 60 seconds reach the limit of ${limit}`,
  },
  messageRate: {
    code: 'ORDER_RATE_LIMIT_EXCEEDED',
    refuses: 'reached',
    says: (current, limit) => `${current} orders and cancels within 60 seconds reach the limit of ${limit}`,
  },
  openOrders: {
    code: 'MAX_OPEN_ORDERS_EXCEEDED',
    refuses: 'reached',
    says: (current, limit) => `${current} working orders reach the limit of ${limit}`,
  },
  position: {
    code: 'MAX_POSITION_EXCEEDED',
    refuses: 'above',
    says: (current, limit) => `the position would be worth ${current}, above the limit of ${limit}`,
  },
  exposure: {
    code: 'EXPOSURE_LIMIT_EXCEEDED',
    refuses: 'above',
    says: (current, limit) => `the strategy's exposure would be ${current}, above the limit of ${limit}`,
  },
  dailyLoss: {
    code: 'RISK_LIMIT_EXCEEDED',
    refuses: 'reached',
    says: (current, limit) => `today's losses of ${current} reach the limit of ${limit}`,
  },
  totalDailyLoss: {
    code: 'RISK_LIMIT_EXCEEDED',
    refuses: 'reached',
    says: (current, limit) =>
      `today's losses with open positions at the bid are ${current}, which reaches the limit of ${limit}`,
  },
  drawdown: {
    code: 'DRAWDOWN_EXCEEDED',
    refuses: 'reached',
    says: (current, limit) => `${current} were lost since the day's high, which reaches the limit of ${limit}`,
  },
  losingStreak: {
    code: 'LOSING_STREAK',
    refuses: 'reached',
    says: (current, limit) =>
      `${current} sales in a row lost money, which reaches the limit of ${limit}; a person must release it`,
  },
};

/**
 * Compares a sum or a count with its limit; a limit of 0 blocks always.
 * @param current as it would be after the order where exactly the limit is allowed, else as it is before it
 */
export function total(
  rule: TotalRule,
  current: Decimal,
  { limit, scope }: Omit<Limit, 'rule'>,
  mode: string,
): GuardRefusal | undefined {
  const { code, refuses, says } = TOTALS[rule];
  const order = compare(current, limit);
  const isBroken = refuses === 'reached' ? order >= 0 : order > 0 || limit.units === 0n;
  if (!isBroken) return undefined;
  const details = {
    rule,
    scope: toldScope(scope, mode),
    current: formatDecimal(current),
    limit: formatDecimal(limit),
  } as const;
  return { code, message: `in ${details.scope} ${says(details.current, details.limit)}`, details };
}
