import type { RefusalCode } from '@interlock/risk-guards';
import type { ErrorDescription } from './error-description.js';

const GUARD_REFUSAL = { details: { $ref: '#/components/schemas/GuardRefusal' } };

/** What the guards of orders refuse, beside what they refuse runs as well. */
export const ORDER_REFUSALS: Readonly<
  Record<
    Exclude<RefusalCode, 'MAX_POSITION_EXCEEDED' | 'RISK_LIMIT_EXCEEDED' | 'ORDER_RATE_LIMIT_EXCEEDED'>,
    ErrorDescription
  >
> = {
  MARKET_CLOSED: {
    when: 'The market is closed or paused, closes too soon (rule `marketCloses`), or its venue takes no orders now.',
    example: {
      message: 'the market will-it-rain is closed',
      details: { rule: 'marketStatus', scope: 'market:will-it-rain', current: 'CLOSED', limit: 'OPEN' },
    },
    fields: GUARD_REFUSAL,
  },
  MARKET_DATA_STALE: {
    when: 'What is known of the market is older than allowed, or nobody offers where a price collar needs a reference.',
    example: {
      message: 'what is known of the market will-it-rain is 20000 ms old, more than the 15000 ms allowed',
      details: { rule: 'marketDataAge', scope: 'mode:live', current: '20000', limit: '15000' },
    },
    fields: GUARD_REFUSAL,
  },
  PRICE_COLLAR_EXCEEDED: {
    when: 'The price is further from the middle of the best bid and ask than allowed, or a market order has no worst price.',
    example: {
      message: 'the price 0.9 is 0.35 away from the reference 0.55, more than the 0.1 allowed',
      details: { rule: 'priceCollar', scope: 'mode:live', current: '0.35', limit: '0.1' },
    },
    fields: GUARD_REFUSAL,
  },
  INVALID_TICK: {
    when: "The price is no multiple of the market's tick.",
    example: {
      message: "the price 0.555 is no multiple of the market's tick 0.01",
      details: { rule: 'tick', scope: 'market:will-it-rain', current: '0.555', limit: '0.01' },
    },
    fields: GUARD_REFUSAL,
  },
  BELOW_MINIMUM_SIZE: {
    when: 'Fewer shares than the market takes in one order.',
    example: {
      message: "1 shares are fewer than the market's least quantity 5",
      details: { rule: 'minimumSize', scope: 'market:will-it-rain', current: '1', limit: '5' },
    },
    fields: GUARD_REFUSAL,
  },
  MAX_ORDER_QUANTITY_EXCEEDED: {
    when: 'More shares than one order may have.',
    example: {
      message: '5000 shares are more than the 1000 that one order may have in mode:live',
      details: { rule: 'orderQuantity', scope: 'mode:live', current: '5000', limit: '1000' },
    },
    fields: GUARD_REFUSAL,
  },
  MAX_ORDER_VALUE_EXCEEDED: {
    when: 'More collateral than one order may be worth at its limit price.',
    example: {
      message: 'a value of 2500 is above the 1000 that one order may have in mode:live',
      details: { rule: 'orderValue', scope: 'mode:live', current: '2500', limit: '1000' },
    },
    fields: GUARD_REFUSAL,
  },
  MAX_OPEN_ORDERS_EXCEEDED: {
    when: 'As many orders work as are allowed.',
    example: {
      message: 'in mode:live 50 working orders reach the limit of 50',
      details: { rule: 'openOrders', scope: 'mode:live', current: '50', limit: '50' },
    },
    fields: GUARD_REFUSAL,
  },
  EXPOSURE_LIMIT_EXCEEDED: {
    when: "The strategy's holdings at cost and working purchases would exceed its limit, or the `maxPosition` of its running run.",
    example: {
      message: "in strategy:momentum the strategy's exposure would be 1200, above the limit of 1000",
      details: { rule: 'exposure', scope: 'strategy:momentum', current: '1200', limit: '1000' },
    },
    fields: GUARD_REFUSAL,
  },
  DRAWDOWN_EXCEEDED: {
    when: "More was lost since the day's high than allowed, open positions at the bid included.",
    example: {
      message: "in mode:live 600 were lost since the day's high, which reaches the limit of 500",
      details: { rule: 'drawdown', scope: 'mode:live', current: '600', limit: '500' },
    },
    fields: GUARD_REFUSAL,
  },
  LOSING_STREAK: {
    when: 'So many sales in a row lost money that a person must release the strategy, by setting the limit again.',
    example: {
      message: 'in mode:live 5 sales in a row lost money, which reaches the limit of 5; a person must release it',
      details: { rule: 'losingStreak', scope: 'mode:live', current: '5', limit: '5' },
    },
    fields: GUARD_REFUSAL,
  },
  DUPLICATE_ORDER: {
    when: 'The same order was admitted a moment ago.',
    example: {
      message: 'the same order was admitted 120 ms ago, within the 1000 ms in which it counts as a repetition',
      details: { rule: 'duplicate', scope: 'mode:live', current: '120', limit: '1000' },
    },
    fields: GUARD_REFUSAL,
  },
  SELF_MATCH: {
    when: 'The order would meet a working one of the same account.',
    example: {
      message: 'the order at 0.6 would meet a working order of the same account at 0.58 (YES)',
      details: { rule: 'selfMatch', scope: 'market:will-it-rain', current: '0.6', limit: '0.58' },
    },
    fields: GUARD_REFUSAL,
  },
  INSUFFICIENT_CASH: {
    when: 'The account has less free cash than the order and its fee may cost; of a withdrawal: less would be left than working orders reserve.',
    example: {
      message: 'the order needs up to 510 with its fee, and 320.5 are free',
      details: { rule: 'cash', scope: 'venue:paper', current: '510', limit: '320.5' },
    },
    fields: GUARD_REFUSAL,
  },
  INSUFFICIENT_POSITION: {
    when: 'More shares are to be sold than are held and not promised to working sales. There are no short positions.',
    example: {
      message: '100 shares are to be sold and 60 of YES are held and not promised to working sales',
      details: { rule: 'holding', scope: 'strategy:momentum', current: '100', limit: '60' },
    },
    fields: GUARD_REFUSAL,
  },
  REDUCE_ONLY_VIOLATION: {
    when: 'An order that must only reduce a position would do more.',
    example: {
      message: 'only 60 shares of YES are held and not promised to working sales',
      details: { rule: 'reduceOnly', scope: 'strategy:momentum', current: '100', limit: '60' },
    },
    fields: GUARD_REFUSAL,
  },
  LIMIT_NOT_CONFIGURED: {
    when: 'Live orders need limits that nobody has set (setting `RISK_REQUIRED_IN_LIVE`).',
    example: {
      message: 'live orders need a limit of the rule orderValue, and none is set',
      details: { rule: 'orderValue', scope: 'mode:live', current: 'not set', limit: 'a limit' },
    },
    fields: GUARD_REFUSAL,
  },
};
