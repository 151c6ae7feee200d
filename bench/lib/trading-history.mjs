import { v7 as newId } from 'uuid';

const UNIT = 10n ** 8n;
const STRATEGIES = 20;
const MARKETS = 50;
const FILLS_PER_ORDER = 20;
/** Shares of one order, in hundred-millionths. */
const LARGEST_ORDER = 500_000_000_000;

/**
 * A made history of trading of twenty strategies in fifty markets: purchases and sales of any quantity, filled in parts at prices around
 * their limits, each with its fee. It keeps its own books, in whole hundred-millionths, written apart from the product's.
 */
export class TradingHistory {
  /** @param seed the same makes the same history */
  constructor(seed) {
    this.random = randomNumbers(seed);
    /** By strategy and market. */
    this.positions = new Map();
    this.fills = 0;
  }

  /** @returns orders, each `{ id, params, fills }`, to be booked one after the other */
  next(orders) {
    return Array.from({ length: orders }, () => this.#order());
  }

  #order() {
    const strategy = `strategy-${this.#below(STRATEGIES)}`;
    const market = `market-${this.#below(MARKETS)}`;
    const key = `${strategy} ${market}`;
    const position = this.positions.get(key) ?? { quantity: 0n, cost: 0n, realized: 0n, fees: 0n };
    this.positions.set(key, position);
    const isSale = position.quantity > 0n && this.random() < 0.5;
    const closes = isSale && this.random() < 0.1;
    const most = isSale ? Math.min(Number(position.quantity), LARGEST_ORDER) : LARGEST_ORDER;
    const quantity = closes ? position.quantity : BigInt(1 + this.#below(most));
    const side = isSale ? 'SELL' : 'BUY';
    const price = 1 + this.#below(998);
    const params = { strategy, market, side, price: decimal(BigInt(price) * 100_000n), quantity: decimal(quantity) };
    return { id: newId(), params, fills: this.#fillsOf(position, { side, price, quantity }) };
  }

  #fillsOf(position, { side, price, quantity }) {
    const parts = 1 + this.#below(2 * FILLS_PER_ORDER - 1);
    const fills = [];
    for (let left = quantity, part = parts; left > 0n && part > 0; part -= 1) {
      const share = part === 1 ? left : left / BigInt(part);
      if (share === 0n) continue;
      left -= share;
      // Never worse than the limit.
      const better = side === 'BUY' ? 1 + this.#below(price) : price + this.#below(1_000 - price);
      const paid = BigInt(better) * 100_000n;
      const fee = BigInt(this.#below(100_000)) * 1_000n;
      trade(position, side, paid, share, fee);
      this.fills += 1;
      fills.push({
        venueTradeId: `trade-${this.fills}`,
        price: decimal(paid),
        quantity: decimal(share),
        fee: decimal(fee),
      });
    }
    return fills;
  }

  #below(limit) {
    return Math.floor(this.random() * limit);
  }
}

/** Average cost in whole hundred-millionths; a closing sale takes all the cost that is left. */
function trade(position, side, price, quantity, fee) {
  const notional = halfEven(price * quantity, UNIT);
  position.fees += fee;
  if (side === 'BUY') {
    position.quantity += quantity;
    position.cost += notional;
    return;
  }
  const removed =
    quantity === position.quantity ? position.cost : halfEven(position.cost * quantity, position.quantity);
  position.quantity -= quantity;
  position.cost -= removed;
  position.realized += notional - removed;
}

function halfEven(numerator, denominator) {
  const floor = numerator / denominator;
  const twice = 2n * (numerator % denominator);
  if (twice !== denominator) return twice > denominator ? floor + 1n : floor;
  return floor % 2n === 0n ? floor : floor + 1n;
}

/** Hundred-millionths as decimal text, with all its eight decimals. */
export function decimal(units) {
  const digits = (units < 0n ? -units : units).toString().padStart(9, '0');
  return `${units < 0n ? '-' : ''}${digits.slice(0, -8)}.${digits.slice(-8)}`;
}

/** Numbers in [0, 1) that follow from a seed (mulberry32). */
function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
