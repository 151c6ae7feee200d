import { type Amount, amount, amountText, ZERO } from '@interlock/persistence';
import * as fc from 'fast-check';
import { book, FLAT, Oversold, type Position, positionOf, type Trade } from './position.js';
import { adjustmentOf, depositOf, type Posting, postingOf, resultOf } from './posting.js';

const SCALE = 10n ** 8n;
const textOf = (units: bigint): string => amountText(amount(units.toString()).div(1e8));
const unitsOf = (value: Amount): bigint => BigInt(value.times(1e8).toFixed(0));

/** Half-even division of integers that are not below zero. */
function halfEven(numerator: bigint, denominator: bigint): bigint {
  const floor = numerator / denominator;
  const twice = 2n * (numerator % denominator);
  if (twice !== denominator) return twice > denominator ? floor + 1n : floor;
  return floor % 2n === 0n ? floor : floor + 1n;
}

/** The reference: the same ledger in whole hundred-millionths. */
class Model {
  quantity = 0n;
  cost = 0n;
  realized = 0n;
  fees = 0n;
  cash = 0n;

  trade(side: 'BUY' | 'SELL', price: bigint, quantity: bigint, fee: bigint): void {
    const notional = halfEven(price * quantity, SCALE);
    this.fees += fee;
    this.cash -= fee;
    if (side === 'BUY') {
      this.quantity += quantity;
      this.cost += notional;
      this.cash -= notional;
      return;
    }
    const removed = quantity === this.quantity ? this.cost : halfEven(this.cost * quantity, this.quantity);
    this.quantity -= quantity;
    this.cost -= removed;
    this.realized += notional - removed;
    this.cash += notional;
  }
}

const step = fc.record({
  sells: fc.boolean(),
  /** Of what is held, in parts per thousand; 1000 closes the position. */
  share: fc.integer({ min: 1, max: 1000 }),
  price: fc.bigInt({ min: 0n, max: SCALE }),
  quantity: fc.bigInt({ min: 1n, max: 10n ** 14n }),
  fee: fc.bigInt({ min: 0n, max: 10n ** 9n }),
});

const total = ({ cash, cost, realized, fees, capital }: Posting): Amount =>
  cash.plus(cost).plus(realized).plus(fees).plus(capital);

function numbers({ quantity, costBasis, realizedPnl, fees }: Position): bigint[] {
  return [quantity, costBasis, realizedPnl, fees].map(unitsOf);
}

describe('a position', () => {
  it('O4 O5 keeps the books of a small model in whole units, over any history, to the last digit', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const model = new Model();
        let position = FLAT;
        let cash = ZERO;
        const trades: Trade[] = [];
        for (const { sells, share, price, quantity, fee } of steps) {
          const sold = (model.quantity * BigInt(share)) / 1000n;
          const side = sells && sold > 0n ? 'SELL' : 'BUY';
          const shares = side === 'SELL' ? sold : quantity;
          model.trade(side, price, shares, fee);
          const next = {
            side,
            price: amount(textOf(price)),
            quantity: amount(textOf(shares)),
            fee: amount(textOf(fee)),
          } as const;
          trades.push(next);
          const booked = book(position, next);
          const posting = postingOf(next, booked);
          expect(total(posting).isZero()).toBe(true);
          position = booked.position;
          cash = cash.plus(posting.cash);
        }
        expect(numbers(position)).toEqual([model.quantity, model.cost, model.realized, model.fees]);
        expect(unitsOf(cash)).toBe(model.cash);
        expect(position.costBasis.isZero() || model.quantity > 0n).toBe(true);
        expect(numbers(positionOf(trades))).toEqual(numbers(position));
      }),
      { numRuns: 300 },
    );
  });

  it('is sold at average cost, the last share with all that is left of it', () => {
    const buy = (price: string, quantity: string): Trade => trade('BUY', price, quantity);
    const held = positionOf([buy('0.1', '1'), buy('0.2', '1'), buy('0.2', '1')]);
    expect(amountText(held.costBasis)).toBe('0.5');
    const first = book(held, trade('SELL', '0.3', '1', '0.01'));
    expect(amountText(first.costChange)).toBe('-0.16666667');
    expect(amountText(first.realizedPnl)).toBe('0.13333333');
    expect(amountText(resultOf(postingOf(trade('SELL', '0.3', '1', '0.01'), first)))).toBe('0.12333333');
    const last = book(first.position, trade('SELL', '0', '2'));
    expect(amountText(last.costChange)).toBe('-0.33333333');
    expect(amountText(last.position.realizedPnl)).toBe('-0.2');
    expect(last.position.costBasis.isZero()).toBe(true);
  });

  it('cannot be sold short', () => {
    const held = positionOf([trade('BUY', '0.5', '2')]);
    expect(() => book(held, trade('SELL', '0.5', '2.00000001'))).toThrow(Oversold);
    expect(() => book(FLAT, trade('SELL', '0.5', '1'))).toThrow('1 shares sold where 0 are held');
  });
});

describe('an adjustment', () => {
  it('O5 balances, and gives back the cash of the trade that is voided', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), fc.nat(), (steps, which) => {
        const trades = steps.map(({ price, quantity, fee }) =>
          trade('BUY', textOf(price), textOf(quantity), textOf(fee)),
        );
        const voided = trades[which % trades.length]!;
        const before = positionOf(trades);
        const posting = adjustmentOf(before, positionOf(trades.filter((one) => one !== voided)));
        expect(total(posting).isZero()).toBe(true);
        const original = postingOf(voided, book(FLAT, voided));
        expect(amountText(posting.cash)).toBe(amountText(original.cash.neg()));
        expect(amountText(posting.shares)).toBe(amountText(original.shares.neg()));
      }),
    );
  });

  it('of a purchase that was partly sold books what the sale would have made without it', () => {
    const trades = [trade('BUY', '0.2', '10'), trade('BUY', '0.4', '10'), trade('SELL', '0.5', '10')];
    const before = positionOf(trades);
    expect(amountText(before.realizedPnl)).toBe('2');
    const posting = adjustmentOf(before, positionOf([trades[0]!, trades[2]!]));
    // Without the second purchase the sale closed a position that had cost 2: it made 3.
    expect(amountText(resultOf(posting))).toBe('1');
    expect(amountText(posting.cash)).toBe('4');
  });
});

it('a deposit balances', () => {
  expect(total(depositOf(amount('10000'))).isZero()).toBe(true);
});

function trade(side: 'BUY' | 'SELL', price: string, quantity: string, fee = '0'): Trade {
  return { side, price: amount(price), quantity: amount(quantity), fee: amount(fee) };
}
