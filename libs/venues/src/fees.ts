import {
  type Amount,
  amount,
  amountText,
  decimalOf,
  ONE,
  power,
  roundedDown,
  roundedUp,
  ZERO,
} from '@interlock/persistence';
import type { DecimalText, FeeSchedule, Side } from './port/venue.types.js';

/** Kalshi's general rate; its fee is 0.07 · C · P · (1 − P) dollars for C contracts at price P. */
const KALSHI_RATE = amount('0.07');
/** p(1 − p) is greatest in the middle. */
const HALF = amount('0.5');

/** Charges the taker fills of one order, one after the other; makers pay nothing under any of the rules. */
export class TakerFees {
  /** What kalshi's formula gives for the fills so far, before rounding, and what was charged of it. */
  private owed: Amount = ZERO;
  private charged: Amount = ZERO;

  constructor(private readonly schedule: FeeSchedule) {}

  /** The fee of the next fill, in collateral, 0 or more. */
  of(price: Amount, quantity: Amount): Amount {
    switch (this.schedule.rules) {
      case 'polymarket':
        return polymarketFee(this.schedule, price, quantity);
      case 'kalshi': {
        this.owed = this.owed.plus(kalshiFee(price, quantity));
        const total = roundedUp(this.owed, 2);
        const fee = total.minus(this.charged);
        this.charged = total;
        return fee;
      }
      case 'free':
        return ZERO;
    }
  }
}

/**
 * The most that an order can be charged, whatever its fills: a BUY trades at its price or below, a SELL at its price or above, and
 * without a price anywhere.
 * @returns collateral, rounded as the venue rounds
 */
export function highestFee(
  schedule: FeeSchedule,
  order: { side: Side; price: DecimalText | null; quantity: DecimalText },
): DecimalText {
  const limit = order.price === null ? HALF : decimalOf(order.price);
  const middleIsInReach = order.side === 'BUY' ? limit.gte(HALF) : limit.lte(HALF);
  return amountText(new TakerFees(schedule).of(middleIsInReach ? HALF : limit, decimalOf(order.quantity)));
}

/** q · rate · (p(1 − p))^exponent, floored at 5 decimals, which is what its fills show on the chain. */
function polymarketFee({ feeRate, feeExponent }: FeeSchedule, price: Amount, quantity: Amount): Amount {
  const chances = price.times(ONE.minus(price));
  const curve = feeExponent === 1 ? chances : power(chances, feeExponent);
  return roundedDown(quantity.times(feeRate).times(curve), 5);
}

function kalshiFee(price: Amount, quantity: Amount): Amount {
  return KALSHI_RATE.times(quantity).times(price).times(ONE.minus(price));
}
