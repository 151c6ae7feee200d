import { type Amount, amount, newId, roundedHalfEven, ZERO } from '@interlock/persistence';
import { statusAfterFill } from '../order.js';
import type { FillRow, LedgerOrder, PositionKey, PostingRow, SumChange } from './entries.js';
import { textOf } from './entries.js';
import { book, type Position, type Trade } from './position.js';
import { postingOf } from './posting.js';
import { minus, NOTHING_RESERVED, reservedBy } from './working.js';

/** A fill as a venue tells it. Decimal text. */
export interface NewFill {
  readonly orderId: string;
  readonly venueTradeId: string;
  readonly price: string;
  readonly quantity: string;
  readonly fee: string;
  readonly liquidity: 'MAKER' | 'TAKER';
  readonly finality: 'PROVISIONAL' | 'FINAL';
  readonly executedAt: Date;
}

/** A fill of an order that was final already: the shares are booked, the status stays, and people must know. */
export interface LateFill {
  readonly order: LedgerOrder;
  readonly fill: NewFill;
}

/** A venue tells of more than was ordered. */
export class Overfilled extends Error {
  constructor(order: LedgerOrder, fill: NewFill) {
    super(
      `order ${order.id} of ${order.quantity.toFixed()} shares, ${order.filledQuantity.toFixed()} filled, ` +
        `got a fill of ${fill.quantity} more (trade ${fill.venueTradeId})`,
    );
    this.name = 'Overfilled';
  }
}

/**
 * The books while a transaction works on them: locked orders and positions, evolving with each fill. Plain computation; what is to
 * be written gathers in `fills`, `postings` and `changes`.
 */
export class Books {
  readonly fills: FillRow[] = [];
  readonly postings: PostingRow[] = [];
  readonly changes: SumChange[] = [];
  readonly late: LateFill[] = [];
  readonly changedOrders = new Map<string, LedgerOrder>();
  readonly changedPositions = new Map<string, PositionKey & { position: Position }>();

  constructor(
    private readonly orders: ReadonlyMap<string, LedgerOrder>,
    private readonly positions: ReadonlyMap<string, Position>,
  ) {}

  /** @throws Oversold, Overfilled */
  apply(fill: NewFill): void {
    const order = this.orderOf(fill.orderId);
    const trade: Trade = {
      side: order.side,
      price: amount(fill.price),
      quantity: amount(fill.quantity),
      fee: amount(fill.fee),
    };
    const filledQuantity = order.filledQuantity.plus(trade.quantity);
    if (filledQuantity.gt(order.quantity)) throw new Overfilled(order, fill);

    const key = keyOf(order);
    const booked = book(this.positionOf(key), trade);
    const filledNotional = order.filledNotional.plus(booked.notional);
    const status = statusAfterFill(order.status, filledQuantity.eq(order.quantity));
    const after: LedgerOrder = {
      ...order,
      filledQuantity,
      filledNotional,
      averagePrice: roundedHalfEven(filledNotional.div(filledQuantity)),
      status,
      // It said why the order was in the status before.
      reason: status === order.status ? order.reason : null,
      version: order.version + 1,
    };
    if (after.status === order.status && reservedBy(order) === NOTHING_RESERVED) this.late.push({ order, fill });
    this.changedOrders.set(order.id, after);
    this.changedPositions.set(textOf(key), { ...key, position: booked.position });

    const fillId = newId();
    const { mode } = order;
    const { notional, realizedPnl, costChange } = booked;
    const { orderId, venueTradeId, liquidity, finality, executedAt } = fill;
    this.fills.push({
      ...key,
      mode,
      id: fillId,
      orderId,
      venueTradeId,
      trade,
      notional,
      realizedPnl,
      liquidity,
      finality,
      executedAt,
    });
    const posting = postingOf(trade, booked);
    this.postings.push({ ...key, kind: 'FILL', fillId, mode, posting });
    const reserved = minus(reservedBy(after), reservedBy(order));
    this.changes.push({ ...key, mode, heldCost: costChange, cash: posting.cash, reserved });
  }

  private orderOf(id: string): LedgerOrder {
    const order = this.changedOrders.get(id) ?? this.orders.get(id);
    if (order === undefined) throw new Error(`a fill of the unknown order ${id}`);
    return order;
  }

  private positionOf(key: PositionKey): Position {
    const text = textOf(key);
    const position = this.changedPositions.get(text)?.position ?? this.positions.get(text);
    if (position === undefined) throw new Error(`the position ${text} is not locked`);
    return position;
  }
}

export function keyOf({ strategy, venue, account, market, outcome }: PositionKey): PositionKey {
  return { strategy, venue, account, market, outcome };
}

/** What a change of an order's status alone does to the sums. */
export function reservationChange(before: LedgerOrder, after: LedgerOrder): SumChange {
  const reserved = minus(reservedBy(after), reservedBy(before));
  return { ...keyOf(before), mode: before.mode, heldCost: ZERO, cash: ZERO, reserved };
}

/** What a new order adds to the sums. */
export function reservationOf(order: LedgerOrder): SumChange {
  return { ...keyOf(order), mode: order.mode, heldCost: ZERO, cash: ZERO, reserved: reservedBy(order) };
}

/** Profit or loss of a posting's row, as the days of the risk guards take it. */
export function resultTexts(realized: Amount, fees: Amount): { realizedPnl: string; fee: string } {
  return { realizedPnl: realized.neg().toFixed(), fee: fees.toFixed() };
}
