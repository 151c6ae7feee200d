/** Decimal text without exponent and without trailing zeros: `0.5`, `1250`. Money, prices per share in (0, 1), shares. */
export type DecimalText = string;

/** Which world a venue belongs to; its orders' mode (safety.md, G0). */
export type VenueMode = 'mock' | 'paper' | 'live';

/** Of one outcome, at that outcome's price. To be short YES is to hold NO. */
export type Side = 'BUY' | 'SELL';

export const ORDER_TYPES = ['limit', 'market'] as const;
export type OrderType = (typeof ORDER_TYPES)[number];

export const TIMES_IN_FORCE = ['GTC', 'GTD', 'IOC', 'FOK'] as const;
export type TimeInForce = (typeof TIMES_IN_FORCE)[number];

export const MARKET_STATUSES = ['OPEN', 'PAUSED', 'CLOSED'] as const;
export type MarketStatus = (typeof MARKET_STATUSES)[number];

export const FEE_RULES = ['polymarket', 'kalshi', 'free'] as const;

/** How a market charges; `fees.ts` has the formulas. */
export interface FeeSchedule {
  readonly rules: (typeof FEE_RULES)[number];
  /** Used by `polymarket` only. */
  readonly feeRate: DecimalText;
  /** Used by `polymarket` only; may be a fraction. */
  readonly feeExponent: number;
}

/** What a venue can do. Tick and minimum size belong to the market, see `VenueMarket`. */
export interface VenueCapabilities {
  readonly orderTypes: readonly OrderType[];
  readonly timesInForce: readonly TimeInForce[];
  /** How far ahead a GTD order's end must be at least, in milliseconds. */
  readonly minimumGoodForMs: number;
  readonly postOnly: boolean;
  readonly reduceOnly: boolean;
  /** Most orders that the venue takes in one request; 1 where there is no batch. */
  readonly batchSize: number;
  /** What ends working orders when we fall silent: beats that stop, an expiry that each order carries, or nothing. */
  readonly deadMan: 'heartbeat' | 'expiry' | 'none';
  /** True: the venue itself refuses or replays a second order with the same `dedupeKey`. */
  readonly clientIdIdempotency: boolean;
  /** True: buying NO against held YES books as selling YES at 1 − q, and is allowed under `reduce`. */
  readonly netsOutcomes: boolean;
  /**
   * How long, in milliseconds, an order may stay invisible to the venue's reads after its last byte left: bytes on their way and the
   * reads' lag together. Bounds when NOT_FOUND may be believed, see `Venue.resolve`.
   */
  readonly readLagMs: number;
}

export interface VenueMarket {
  readonly market: string;
  /** In the venue's order. */
  readonly outcomes: readonly string[];
  /** Prices are multiples of it. */
  readonly tick: DecimalText;
  /** Least quantity of an order. */
  readonly minimumQuantity: DecimalText;
  readonly status: MarketStatus;
  /** Null where the venue names no time. */
  readonly closesAt: Date | null;
  readonly fees: FeeSchedule;
}

export interface VenueMarketPage {
  readonly markets: readonly VenueMarket[];
  /** For the next page; null on the last one. */
  readonly nextCursor: string | null;
}

export interface BookLevel {
  readonly price: DecimalText;
  readonly quantity: DecimalText;
}

/** One outcome's book, best level first on either side whatever order the venue sends. */
export interface OrderBook {
  readonly market: string;
  readonly outcome: string;
  readonly bids: readonly BookLevel[];
  readonly asks: readonly BookLevel[];
  readonly at: Date;
}

/** What is to be ordered. Already judged by the guards; the venue judges again by its own rules. */
export interface OrderIntent {
  /** Ours, a UUID. Where the venue takes client ids it becomes the `dedupeKey`. */
  readonly orderId: string;
  readonly market: string;
  readonly outcome: string;
  readonly side: Side;
  readonly type: OrderType;
  /** Limit; for a market order the worst price, or null. */
  readonly price: DecimalText | null;
  readonly quantity: DecimalText;
  readonly timeInForce: TimeInForce;
  /** With GTD only. */
  readonly expiresAt: Date | null;
  readonly postOnly: boolean;
  readonly reduceOnly: boolean;
}

/** An order as it will be sent. Both parts are stored before a byte is sent (safety.md, O1). */
export interface PreparedOrder {
  /** By which the venue's record of the order is found whatever became of the answer: our id, or the hash of a signed order. */
  readonly dedupeKey: string;
  /** JSON; all that sending needs, so that nothing has to be made (or signed) a second time. */
  readonly payload: Readonly<Record<string, unknown>>;
}

export interface SubmitOptions {
  /** Ends the waiting for an answer. Aborted before the first byte: REJECTED with NOT_SENT. Afterwards: UNKNOWN. */
  readonly signal: AbortSignal;
  /** After this instant, by this process's clock, no byte leaves; checked immediately before the first one (safety.md, K2). */
  readonly sendBy: Date;
}

/** Why a venue refuses an order. What a venue says beyond these is VENUE_REJECTED with its own words as message. */
export const REJECT_CODES = [
  'NOT_SENT',
  'VENUE_REJECTED',
  'VENUE_CANCEL_ONLY',
  'UNKNOWN_MARKET',
  'MARKET_CLOSED',
  'INVALID_ORDER',
  'INVALID_TICK',
  'BELOW_MINIMUM_SIZE',
  'POST_ONLY_WOULD_TRADE',
  'REDUCE_ONLY_VIOLATION',
  'INSUFFICIENT_CASH',
  'INSUFFICIENT_POSITION',
] as const;
export type RejectCode = (typeof REJECT_CODES)[number];

/** Why an order that the venue took ended at once without a fill. */
export type KillReason = 'IOC_REMAINDER' | 'FOK_NOT_FILLED';

export type SubmitResult =
  /** The venue has the order. It may have ended already; its fills are told by `listFills` only. */
  | { readonly kind: 'ACCEPTED'; readonly order: VenueOrder }
  /** Certain: the venue has no such order and this submission will never make one. */
  | { readonly kind: 'REJECTED'; readonly code: RejectCode; readonly message: string }
  /** Certain: the venue took the order and ended it without any fill. */
  | { readonly kind: 'KILLED'; readonly reason: KillReason; readonly order: VenueOrder | null }
  /** Nobody knows. Never to be sent again; to be resolved by its key (safety.md, O2). */
  | { readonly kind: 'UNKNOWN'; readonly message: string };

export const VENUE_ORDER_STATUSES = ['OPEN', 'PARTIALLY_FILLED', 'FILLED', 'CANCELED', 'REJECTED', 'EXPIRED'] as const;
export type VenueOrderStatus = (typeof VENUE_ORDER_STATUSES)[number];

/** An order as the venue has it. */
export interface VenueOrder {
  readonly venueOrderId: string;
  /** Null for an order that was not placed by this program. */
  readonly dedupeKey: string | null;
  readonly market: string;
  readonly outcome: string;
  readonly side: Side;
  readonly price: DecimalText | null;
  readonly quantity: DecimalText;
  readonly filledQuantity: DecimalText;
  readonly status: VenueOrderStatus;
  /** Why it ended, in the venue's or our words; null while it works or when it was filled. */
  readonly reason: string | null;
  readonly createdAt: Date;
}

export type ResolveResult =
  | { readonly kind: 'FOUND'; readonly order: VenueOrder }
  /** Not there as far as reads tell; where these may miss it, it was looked for repeatedly. To be believed only as `isNotFoundFinal` says. */
  | { readonly kind: 'NOT_FOUND' };

/** Which order; adapters of venues without client ids find its id by the key themselves. */
export interface VenueOrderReference {
  readonly dedupeKey: string;
  readonly market: string;
  /** Null when no answer ever told it. */
  readonly venueOrderId: string | null;
}

export type CancelResult =
  /** It works no more. `order` tells how much had been filled. */
  | { readonly kind: 'CANCELED'; readonly order: VenueOrder }
  /** It had ended before. */
  | { readonly kind: 'ALREADY_FINISHED'; readonly order: VenueOrder }
  /** The venue does not have it (yet: it may still be on its way, see `isNotFoundFinal`). */
  | { readonly kind: 'NOT_FOUND' }
  | { readonly kind: 'UNKNOWN'; readonly message: string };

/** Which working orders: those to which all that is given applies. An empty scope means every one of the account. */
export interface CancelScope {
  readonly market?: string;
  readonly side?: Side;
  readonly dedupeKeys?: readonly string[];
}

export interface CancelAllResult {
  /** False when the answer did not come or did not cover all: what works is then told by `listOpenOrders` alone. */
  readonly isComplete: boolean;
  /** Orders that ended by this call. */
  readonly canceled: readonly VenueOrder[];
  /** Venue order ids that the venue refused to cancel, and why. */
  readonly failed: readonly { readonly venueOrderId: string; readonly message: string }[];
  /** Venue order ids of which it is not known. */
  readonly unknown: readonly string[];
}

/**
 * How far something has been read: a whole number of 0 or more as text, which never falls. Fills and settlements of a venue count
 * by the same numbers, so that `isAtOrPast` can tell which fills lie before a settlement.
 */
export type Watermark = string;

/** The beginning of every venue's records. */
export const FROM_THE_START: Watermark = '0';

export interface VenueFill {
  /** One venue trade can fill two of our orders, each once: (venueTradeId, venueOrderId) is unique (safety.md, O4). */
  readonly venueTradeId: string;
  readonly venueOrderId: string;
  readonly dedupeKey: string | null;
  readonly market: string;
  readonly outcome: string;
  readonly side: Side;
  readonly price: DecimalText;
  readonly quantity: DecimalText;
  /** As the venue charged it, in collateral. */
  readonly fee: DecimalText;
  readonly liquidity: 'MAKER' | 'TAKER';
  readonly finality: 'PROVISIONAL' | 'FINAL' | 'VOIDED';
  readonly executedAt: Date;
}

export interface VenueFillPage {
  /** In the venue's fill order. A fill whose finality changed is listed again, with the new one. */
  readonly fills: readonly VenueFill[];
  /** To go on from. */
  readonly watermark: Watermark;
  readonly hasMore: boolean;
}

export interface VenuePosition {
  readonly market: string;
  readonly outcome: string;
  /** Shares held, 0 or more; flat positions are left out. */
  readonly quantity: DecimalText;
}

export interface VenueBalances {
  /** All of it, what is reserved included. */
  readonly cash: DecimalText;
  /** The part of it that working orders hold. */
  readonly reserved: DecimalText;
}

export interface VenueSettlement {
  readonly settlementId: string;
  readonly market: string;
  /** What one share of each outcome pays, 0 to 1; they sum to 1. */
  readonly payouts: Readonly<Record<string, DecimalText>>;
  /** All fills of the market lie at or before it; a settlement is applied once `listFills` has passed it. */
  readonly fillsUpTo: Watermark;
  readonly settledAt: Date;
}

export interface VenueSettlementPage {
  /** Final ones only, in the venue's order. */
  readonly settlements: readonly VenueSettlement[];
  readonly watermark: Watermark;
  readonly hasMore: boolean;
}

export const VENUE_STATES = ['OPEN', 'POST_ONLY', 'CANCEL_ONLY', 'RESTARTING', 'PAUSED', 'UNREACHABLE'] as const;

export interface VenueHealth {
  readonly state: (typeof VENUE_STATES)[number];
  /** For people; null when there is nothing to tell. */
  readonly message: string | null;
}
