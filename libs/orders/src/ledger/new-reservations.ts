import { type Amount, amountText, ZERO } from '@interlock/persistence';
import type { LedgerOrder } from './entries.js';
import { type Reserved, reservedBy } from './working.js';

/** Amounts as decimal text, as the database's function `admit_orders` takes them. */
export interface ReservedOfPosition {
  readonly strategy: string;
  readonly venue: string;
  readonly account: string;
  readonly market: string;
  readonly outcome: string;
  readonly mode: string;
  readonly buy: string;
  readonly sell: string;
  readonly cost: string;
  readonly orders: number;
}

/** What new orders reserve together, added up by position, by strategy and by account. */
export class NewReservations {
  private readonly byPosition = new Map<string, Sum>();

  constructor(orders: Iterable<LedgerOrder>) {
    for (const order of orders) {
      const { strategy, venue, account, market, outcome } = order;
      // No text of the database holds the separator.
      const key = `${strategy}\u0000${venue}\u0000${account}\u0000${market}\u0000${outcome}`;
      sumIn(this.byPosition, key, order).add(reservedBy(order));
    }
  }

  get positions(): ReservedOfPosition[] {
    return [...this.byPosition.values()].map(({ order, buy, sell, cost, orders }) => {
      const { strategy, venue, account, market, outcome, mode } = order;
      const amounts = { buy: amountText(buy), sell: amountText(sell), cost: amountText(cost) };
      return { strategy, venue, account, market, outcome, mode, ...amounts, orders };
    });
  }

  get exposures(): { mode: string; strategy: string; cost: string; orders: number }[] {
    const sums = this.by(({ mode, strategy }) => `${mode}\u0000${strategy}`);
    return sums.map(({ order: { mode, strategy }, cost, orders }) => {
      return { mode, strategy, cost: amountText(cost), orders };
    });
  }

  get accounts(): { venue: string; account: string; mode: string; reserved: string }[] {
    const sums = this.by(({ venue, account }) => `${venue}\u0000${account}`);
    return sums.map(({ order: { venue, account, mode }, cash }) => {
      return { venue, account, mode, reserved: amountText(cash) };
    });
  }

  private by(keyOf: (order: LedgerOrder) => string): Sum[] {
    const sums = new Map<string, Sum>();
    for (const sum of this.byPosition.values()) sumIn(sums, keyOf(sum.order), sum.order).add(sum);
    return [...sums.values()];
  }
}

class Sum implements Reserved {
  buy: Amount = ZERO;
  sell: Amount = ZERO;
  cost: Amount = ZERO;
  cash: Amount = ZERO;
  orders = 0;

  /** @param order one of those that are added up */
  constructor(readonly order: LedgerOrder) {}

  add({ buy, sell, cost, cash, orders }: Reserved): void {
    this.buy = this.buy.plus(buy);
    this.sell = this.sell.plus(sell);
    this.cost = this.cost.plus(cost);
    this.cash = this.cash.plus(cash);
    this.orders += orders;
  }
}

function sumIn(sums: Map<string, Sum>, key: string, order: LedgerOrder): Sum {
  let sum = sums.get(key);
  if (sum === undefined) sums.set(key, (sum = new Sum(order)));
  return sum;
}
