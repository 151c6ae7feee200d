import { type Amount, amount, amountText } from '@interlock/persistence';
import type { MarketQuote } from '../market-quotes.js';
import type { DecimalText, FeeSchedule, MarketStatus, VenueMarket, VenueOrder } from '../port/venue.types.js';
import type { MarketState, OutcomeState, PaperFill, PaperOrder, PaperSettlement } from './exchange.types.js';
import type { Book, Level } from './matching/book.js';

/** The name under which the paper venue is configured. */
export const PAPER = 'paper';

export type LevelRow = [price: DecimalText, quantity: DecimalText];

export interface BookRow {
  readonly bids: readonly LevelRow[];
  readonly asks: readonly LevelRow[];
}

type AmountField = 'price' | 'quantity' | 'filledQuantity' | 'queueAhead' | 'reserved';

/** An order as `ORDER_COLUMNS` reads it, also out of JSON, where times are texts. */
export type OrderRow = Omit<PaperOrder, AmountField | 'expiresAt' | 'createdAt'> & {
  price: DecimalText | null;
  quantity: DecimalText;
  filledQuantity: DecimalText;
  queueAhead: DecimalText;
  reserved: DecimalText;
  expiresAt: Date | string | null;
  createdAt: Date | string;
};

/** A market as `MARKET_COLUMNS` reads it. */
export interface MarketRow extends FeeSchedule {
  readonly id: string;
  readonly market: string;
  readonly outcomes: readonly string[];
  readonly tick: DecimalText;
  readonly minimumQuantity: DecimalText;
  readonly status: MarketStatus;
  readonly closesAt: Date | string | null;
  readonly settledAt: Date | string | null;
  readonly updatedAt: Date | string;
  readonly books: Readonly<Record<string, BookRow>> | null;
  readonly positions: Readonly<Record<string, { held: DecimalText; promised: DecimalText }>> | null;
}

export function orderOf(row: OrderRow): PaperOrder {
  return {
    ...row,
    price: row.price === null ? null : amount(row.price),
    quantity: amount(row.quantity),
    filledQuantity: amount(row.filledQuantity),
    queueAhead: amount(row.queueAhead),
    reserved: amount(row.reserved),
    expiresAt: dateOf(row.expiresAt),
    createdAt: new Date(row.createdAt),
  };
}

export function orderRow(order: PaperOrder): OrderRow {
  return {
    ...order,
    price: order.price === null ? null : amountText(order.price),
    quantity: amountText(order.quantity),
    filledQuantity: amountText(order.filledQuantity),
    queueAhead: amountText(order.queueAhead),
    reserved: amountText(order.reserved),
  };
}

/** What the port tells of an order. */
export function venueOrderOf(order: PaperOrder): VenueOrder {
  const { id, clientKey, market, outcome, side, price, quantity, filledQuantity, status, reason, createdAt } = order;
  return {
    venueOrderId: id,
    dedupeKey: clientKey,
    market,
    outcome,
    side,
    price: price === null ? null : amountText(price),
    quantity: amountText(quantity),
    filledQuantity: amountText(filledQuantity),
    status,
    reason,
    createdAt,
  };
}

export function marketOf(row: MarketRow): MarketState {
  const { id, market, outcomes, rules, feeRate, feeExponent, status } = row;
  return {
    id,
    rules: {
      market,
      outcomes,
      fees: { rules, feeRate: amountText(amount(feeRate)), feeExponent },
      tick: amount(row.tick),
      minimumQuantity: amount(row.minimumQuantity),
      status,
      closesAt: dateOf(row.closesAt),
    },
    settledAt: dateOf(row.settledAt),
    outcomes: new Map(
      outcomes.map((outcome) => {
        const { held, promised } = row.positions?.[outcome] ?? { held: '0', promised: '0' };
        const book = bookOfRow(row.books?.[outcome]);
        return [outcome, { outcome, book, held: amount(held), promised: amount(promised) }];
      }),
    ),
  };
}

export function marketRow({ id, rules, settledAt }: MarketState): object {
  const { fees, tick, minimumQuantity, ...others } = rules;
  return { id, ...others, ...fees, tick: amountText(tick), minimumQuantity: amountText(minimumQuantity), settledAt };
}

export function venueMarketOf({ rules }: MarketState): VenueMarket {
  return { ...rules, tick: amountText(rules.tick), minimumQuantity: amountText(rules.minimumQuantity) };
}

export function bookRow({ bids, asks }: Book): BookRow {
  return { bids: bids.map(levelRow), asks: asks.map(levelRow) };
}

export function positionRow({ rules }: MarketState, { outcome, held, promised }: OutcomeState): object {
  return { market: rules.market, outcome, held: amountText(held), promised: amountText(promised) };
}

export function fillRow({ order, price, quantity, notional, fee, ...fill }: PaperFill): object {
  const amounts = {
    price: amountText(price),
    quantity: amountText(quantity),
    notional: amountText(notional),
    fee: amountText(fee),
  };
  return { ...fill, ...amounts, orderId: order.id };
}

export function settlementRow({ payouts, paid, ...settlement }: PaperSettlement): object {
  const texts = [...payouts].map(([outcome, payout]: [string, Amount]) => [outcome, amountText(payout)] as const);
  return { ...settlement, paid: amountText(paid), payouts: Object.fromEntries(texts) };
}

export function quoteOf({ rules }: MarketState, { outcome, book }: OutcomeState): MarketQuote {
  const { market, fees, tick, minimumQuantity, status, closesAt } = rules;
  const [bid] = book.bids;
  const [ask] = book.asks;
  return {
    venue: PAPER,
    market,
    outcome,
    bestBid: bid === undefined ? null : amountText(bid.price),
    bestBidQuantity: bid === undefined ? null : amountText(bid.quantity),
    bestAsk: ask === undefined ? null : amountText(ask.price),
    bestAskQuantity: ask === undefined ? null : amountText(ask.quantity),
    tick: amountText(tick),
    minimumQuantity: amountText(minimumQuantity),
    status,
    closesAt,
    fees,
  };
}

function bookOfRow(row: BookRow | undefined): Book {
  const levels = (rows: readonly LevelRow[] = []): Level[] =>
    rows.map(([price, quantity]) => ({ price: amount(price), quantity: amount(quantity) }));
  return { bids: levels(row?.bids), asks: levels(row?.asks) };
}

function levelRow({ price, quantity }: Level): LevelRow {
  return [amountText(price), amountText(quantity)];
}

function dateOf(value: Date | string | null): Date | null {
  return value === null ? null : new Date(value);
}
