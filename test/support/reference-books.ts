/*
 * Books and guards once more, in the plainest way: whole hundred-millionths, every sum added up anew from the orders and trades. What the
 * product answers over a database is compared with it. One mode, one venue, one account; markets without fees, whose least quantity is 5 and
 * whose tick 0.01.
 */

export const UNIT = 10n ** 8n;
const TICK = UNIT / 100n;
const MINIMUM = 5n * UNIT;

export interface ReferenceOrder {
  readonly strategy: string;
  readonly market: string;
  readonly side: 'BUY' | 'SELL';
  /** Null: a market order without a worst price. */
  readonly price: bigint | null;
  readonly quantity: bigint;
  readonly reduceOnly: boolean;
}

export interface WorkingOrder extends ReferenceOrder {
  readonly id: string;
  left: bigint;
}

interface ReferenceTrade {
  readonly id: string;
  readonly strategy: string;
  readonly market: string;
  readonly side: 'BUY' | 'SELL';
  readonly price: bigint;
  readonly quantity: bigint;
  readonly fee: bigint;
  /** What a settlement paid for the shares; else price times quantity. */
  readonly paid?: bigint;
}

interface ReferencePosition {
  quantity: bigint;
  cost: bigint;
  realized: bigint;
  fees: bigint;
}

type Place = Pick<ReferenceOrder, 'strategy' | 'market'>;

/** What the guards look at: limits by "<rule> <scope>". */
export class ReferenceBooks {
  readonly limits = new Map<string, bigint>();
  working: WorkingOrder[] = [];
  trades: ReferenceTrade[] = [];
  /** Of the last minute. */
  private admitted: Place[] = [];
  private losses: { strategy: string; loss: bigint }[] = [];

  constructor(private cash: bigint) {}

  /** Codes with which limits forbid the order, and those of the market and the books; it is admitted when there are none. */
  forbid(order: ReferenceOrder): { limits: string[]; books: string[] } {
    return { limits: this.brokenLimits(order), books: this.brokenBooks(order) };
  }

  admit(id: string, order: ReferenceOrder): void {
    this.working.push({ ...order, id, left: order.quantity });
    this.admitted.push(order);
  }

  aMinutePasses(): void {
    this.admitted = [];
  }

  /** An order ends without being filled. */
  end(id: string): void {
    this.working = this.working.filter((order) => order.id !== id);
  }

  fill(order: WorkingOrder, trade: { id: string; price: bigint; quantity: bigint; fee: bigint }): void {
    const { strategy, market, side } = order;
    order.left -= trade.quantity;
    if (order.left === 0n) this.end(order.id);
    this.book({ ...trade, strategy, market, side });
  }

  /** Pays out a market in which no order works any more: the account's sum is rounded, each strategy gets the next part of it. */
  settle(market: string, payout: bigint, id: string): void {
    let shares = 0n;
    for (const strategy of [...new Set(this.trades.map((trade) => trade.strategy))].toSorted()) {
      const { quantity } = this.position(strategy, market);
      const paid = halfEven(payout * (shares + quantity), UNIT) - halfEven(payout * shares, UNIT);
      shares += quantity;
      if (quantity > 0n) this.book({ id, strategy, market, side: 'SELL', price: payout, quantity, fee: 0n, paid });
    }
  }

  /** @returns false, and changes nothing, where the remaining trades sell more than they buy */
  void(id: string): boolean {
    const voided = this.trades.find((trade) => trade.id === id);
    if (voided === undefined) throw new Error(`no trade ${id}`);
    const before = this.position(voided.strategy, voided.market);
    const all = this.trades;
    this.trades = all.filter((trade) => trade !== voided);
    if (this.isOversold(voided.strategy, voided.market)) {
      this.trades = all;
      return false;
    }
    const after = this.position(voided.strategy, voided.market);
    this.cash += voided.side === 'BUY' ? notional(voided) + voided.fee : voided.fee - notional(voided);
    this.addResult(voided.strategy, after.realized - before.realized - (after.fees - before.fees));
    return true;
  }

  position(strategy: string, market: string): ReferencePosition {
    const position = { quantity: 0n, cost: 0n, realized: 0n, fees: 0n };
    for (const trade of this.trades) {
      if (trade.strategy !== strategy || trade.market !== market) continue;
      const { side, quantity, fee } = trade;
      const paid = notional(trade);
      position.fees += fee;
      if (side === 'BUY') {
        position.quantity += quantity;
        position.cost += paid;
      } else {
        const removed =
          quantity === position.quantity ? position.cost : halfEven(position.cost * quantity, position.quantity);
        position.quantity -= quantity;
        position.cost -= removed;
        position.realized += paid - removed;
      }
    }
    return position;
  }

  /** What is held, and free of sales that promise it. */
  free({ strategy, market }: Place): bigint {
    const promised = this.working.filter((one) => one.side === 'SELL' && within(one, { strategy, market }));
    return this.position(strategy, market).quantity - sum(promised.map(({ left }) => left));
  }

  private book(trade: ReferenceTrade): void {
    const before = this.position(trade.strategy, trade.market);
    this.trades.push(trade);
    const after = this.position(trade.strategy, trade.market);
    this.cash += (trade.side === 'BUY' ? -notional(trade) : notional(trade)) - trade.fee;
    this.addResult(trade.strategy, after.realized - before.realized - trade.fee);
  }

  private addResult(strategy: string, result: bigint): void {
    if (result < 0n) this.losses.push({ strategy, loss: -result });
  }

  private isOversold(strategy: string, market: string): boolean {
    let held = 0n;
    return this.trades
      .filter((trade) => within(trade, { strategy, market }))
      .some(({ side, quantity }) => (held += side === 'BUY' ? quantity : -quantity) < 0n);
  }

  private brokenLimits(order: ReferenceOrder): string[] {
    const codes = [...this.limits].flatMap(([key, limit]) => {
      const [rule = '', scope = ''] = key.split(' ');
      return covers(scope, order) && this.isBroken(rule, scope, limit, order) ? [CODES[rule] ?? rule] : [];
    });
    return codes;
  }

  private isBroken(rule: string, scope: string, limit: bigint, order: ReferenceOrder): boolean {
    const counted = <T extends Place>(all: readonly T[]) => all.filter((one) => covers(scope, one));
    const value = valueOf(order, order.quantity);
    switch (rule) {
      case 'orderRate':
        return BigInt(counted(this.admitted).length) * UNIT >= limit;
      case 'openOrders':
        return BigInt(counted(this.working).length) * UNIT >= limit;
      case 'dailyLoss':
        if (order.side === 'SELL' && order.reduceOnly) return false;
        return sum(this.losses.filter((one) => covers(scope, { ...one, market: '' })).map(({ loss }) => loss)) >= limit;
      case 'position':
        return order.side === 'BUY' && (limit === 0n || this.exposure((one) => covers(scope, one)) + value > limit);
      case 'exposure': {
        const mine = (one: Place) => one.strategy === order.strategy;
        return order.side === 'BUY' && (limit === 0n || this.exposure(mine) + value > limit);
      }
      case 'orderQuantity':
        return order.quantity > limit;
      case 'orderValue':
        return value > limit;
      default:
        throw new Error(`no rule ${rule}`);
    }
  }

  private exposure(which: (place: Place) => boolean): bigint {
    const places = new Map(this.trades.map(({ strategy, market }) => [`${strategy} ${market}`, { strategy, market }]));
    const held = [...places.values()].filter(which).map(({ strategy, market }) => this.position(strategy, market).cost);
    const buying = this.working.filter((one) => one.side === 'BUY' && which(one));
    return sum(held) + sum(buying.map((one) => valueOf(one, one.left)));
  }

  private brokenBooks(order: ReferenceOrder): string[] {
    const { side, price, quantity, reduceOnly, market } = order;
    const codes: string[] = [];
    if (price !== null && price % TICK !== 0n) codes.push('INVALID_TICK');
    if (quantity < MINIMUM) codes.push('BELOW_MINIMUM_SIZE');
    const others = this.working.filter((one) => one.market === market && one.side !== side);
    if (others.some((one) => meets(order, one))) codes.push('SELF_MATCH');
    const isShort = side === 'SELL' && quantity > this.free(order);
    if (reduceOnly && (side === 'BUY' || isShort)) codes.push('REDUCE_ONLY_VIOLATION');
    if (!reduceOnly && isShort) codes.push('INSUFFICIENT_POSITION');
    const reserved = sum(this.working.filter((one) => one.side === 'BUY').map((one) => valueOf(one, one.left)));
    if (side === 'BUY' && valueOf(order, quantity) > this.cash - reserved) codes.push('INSUFFICIENT_CASH');
    return codes;
  }
}

const CODES: Record<string, string> = {
  orderRate: 'ORDER_RATE_LIMIT_EXCEEDED',
  openOrders: 'MAX_OPEN_ORDERS_EXCEEDED',
  dailyLoss: 'RISK_LIMIT_EXCEEDED',
  position: 'MAX_POSITION_EXCEEDED',
  exposure: 'EXPOSURE_LIMIT_EXCEEDED',
  orderQuantity: 'MAX_ORDER_QUANTITY_EXCEEDED',
  orderValue: 'MAX_ORDER_VALUE_EXCEEDED',
};

function covers(scope: string, { strategy, market }: Place): boolean {
  return ['global', 'mode:paper', 'venue:paper', `strategy:${strategy}`, `market:${market}`].includes(scope);
}

function within(one: Place, { strategy, market }: Place): boolean {
  return one.strategy === strategy && one.market === market;
}

/** At the limit price, a market order at 1. */
function valueOf({ price }: ReferenceOrder, quantity: bigint): bigint {
  return ((price ?? UNIT) * quantity) / UNIT;
}

function meets(a: ReferenceOrder, b: ReferenceOrder): boolean {
  if (a.price === null || b.price === null) return true;
  return a.side === 'BUY' ? a.price >= b.price : a.price <= b.price;
}

function notional({ price, quantity, paid }: Pick<ReferenceTrade, 'price' | 'quantity' | 'paid'>): bigint {
  return paid ?? halfEven(price * quantity, UNIT);
}

function halfEven(numerator: bigint, denominator: bigint): bigint {
  const floor = numerator / denominator;
  const twice = 2n * (numerator % denominator);
  if (twice !== denominator) return twice > denominator ? floor + 1n : floor;
  return floor % 2n === 0n ? floor : floor + 1n;
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n);
}
