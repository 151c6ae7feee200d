import type { Amount } from '@interlock/persistence';
import type { FeeSchedule, MarketStatus, OrderType, Side, TimeInForce, VenueOrderStatus } from '../port/venue.types.js';
import type { Book } from './matching/book.js';

export const ACKNOWLEDGEMENTS = ['normal', 'late', 'lost'] as const;
export const PAPER_MODES = ['open', 'post-only', 'cancel-only', 'down'] as const;

/** How the paper venue misbehaves. */
export interface PaperBehaviour {
  /** Milliseconds from a question to its answer. */
  readonly latencyMs: number;
  /** Of orders: answered, answered after the submit timeout, never answered. */
  readonly acknowledgement: (typeof ACKNOWLEDGEMENTS)[number];
  /** Share of orders that are refused for no reason, 0 to 1. */
  readonly rejectRate: number;
  readonly mode: (typeof PAPER_MODES)[number];
  /** Which orders are refused depends on it and on their number alone. */
  readonly seed: number;
}

/** What of a market is set from outside. */
export interface MarketRules {
  readonly market: string;
  readonly outcomes: readonly string[];
  readonly fees: FeeSchedule;
  readonly tick: Amount;
  readonly minimumQuantity: Amount;
  readonly status: MarketStatus;
  readonly closesAt: Date | null;
}

/** One outcome in memory: what others offer, and what we hold. */
export interface OutcomeState {
  readonly outcome: string;
  book: Book;
  held: Amount;
  /** What working sells hold of it. */
  promised: Amount;
}

export interface MarketState {
  readonly id: string;
  rules: MarketRules;
  settledAt: Date | null;
  readonly outcomes: ReadonlyMap<string, OutcomeState>;
}

export interface AccountState {
  /** All of it, what is reserved included. */
  cash: Amount;
  /** What working buys may cost, their highest fees included. */
  reserved: Amount;
  /** Number of the order that came last. */
  lastArrival: number;
  /** Number of the last fill or settlement; they count together. */
  lastSequence: number;
}

/** An order as it comes in. */
export interface NewOrder {
  readonly clientKey: string;
  readonly market: string;
  readonly outcome: string;
  readonly side: Side;
  readonly type: OrderType;
  readonly price: Amount | null;
  readonly quantity: Amount;
  readonly timeInForce: TimeInForce;
  readonly expiresAt: Date | null;
  readonly postOnly: boolean;
  readonly reduceOnly: boolean;
}

/** An order in the venue's records. */
export interface PaperOrder extends NewOrder {
  readonly id: string;
  readonly arrival: number;
  readonly createdAt: Date;
  filledQuantity: Amount;
  status: VenueOrderStatus;
  reason: string | null;
  /** What of others is in front of it at its price. */
  queueAhead: Amount;
  /** Cash that it holds while it works. */
  reserved: Amount;
}

export interface PaperFill {
  readonly id: string;
  readonly sequence: number;
  /** Several of our orders may be filled by one trade. */
  readonly tradeId: string;
  readonly order: PaperOrder;
  readonly price: Amount;
  readonly quantity: Amount;
  readonly notional: Amount;
  readonly fee: Amount;
  readonly liquidity: 'MAKER' | 'TAKER';
}

export interface PaperSettlement {
  readonly id: string;
  readonly sequence: number;
  readonly market: string;
  readonly payouts: ReadonlyMap<string, Amount>;
  readonly paid: Amount;
}

export function isWorking({ status }: { status: VenueOrderStatus }): boolean {
  return status === 'OPEN' || status === 'PARTIALLY_FILLED';
}

export function isTrading({ status, closesAt }: MarketRules, now: Date): boolean {
  return status === 'OPEN' && (closesAt === null || closesAt > now);
}
