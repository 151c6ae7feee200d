import type { Mode } from '@interlock/kill-switch';
import { type Amount, amountText } from '@interlock/persistence';
import type { Trade } from './position.js';
import type { Posting } from './posting.js';
import type { Reserved, ReservingOrder } from './working.js';

/** Whose shares of what. */
export interface PositionKey {
  readonly strategy: string;
  readonly venue: string;
  readonly account: string;
  readonly market: string;
  readonly outcome: string;
}

/** An order as far as booking reads and changes it. */
export interface LedgerOrder extends PositionKey, ReservingOrder {
  readonly id: string;
  readonly mode: Mode;
  readonly runId: string | null;
  readonly averagePrice: Amount | null;
  /** Sum of the notionals of its fills: what the average price comes from. */
  readonly filledNotional: Amount;
  readonly reason: string | null;
  readonly venueOrderId: string | null;
  readonly version: number;
}

/** What a change of an order or a position does to the sums that guards read. */
export interface SumChange extends PositionKey {
  readonly mode: Mode;
  readonly heldCost: Amount;
  readonly cash: Amount;
  readonly reserved: Reserved;
}

export interface FillRow extends PositionKey {
  readonly id: string;
  readonly orderId: string | null;
  readonly mode: Mode;
  readonly venueTradeId: string;
  readonly trade: Trade;
  readonly notional: Amount;
  readonly realizedPnl: Amount;
  readonly liquidity: 'MAKER' | 'TAKER' | 'SETTLEMENT';
  readonly finality: 'PROVISIONAL' | 'FINAL';
  readonly executedAt: Date;
}

export interface PostingRow extends PositionKey {
  readonly kind: 'FILL' | 'SETTLEMENT' | 'VOID';
  readonly fillId: string;
  readonly mode: Mode;
  readonly posting: Posting;
}

/** The key as one text, for maps. */
export function textOf({ strategy, venue, account, market, outcome }: PositionKey): string {
  return JSON.stringify([strategy, venue, account, market, outcome]);
}

/** SQL: the columns of a position's key, as every table of the ledger has them. */
export const KEY = 'strategy, venue, account, market, outcome';
/** SQL: the same with their types, for rows that are sent as JSON. */
export const KEY_COLUMNS = 'strategy text, venue text, account text, market text, outcome text';

/** The amounts among the values, as decimal text. */
export function textsOfAmounts(values: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (isAmount(value) ? [[name, amountText(value)]] : [])),
  );
}

function isAmount(value: unknown): value is Amount {
  return typeof value === 'object' && value !== null && 'toFixed' in value;
}
