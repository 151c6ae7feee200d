import type { KillSwitch } from '@interlock/kill-switch';
import { Transactions } from '@interlock/persistence';
import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { SweptOrders } from './swept-orders.js';

/** How many orders work that this switch forbids. */
export class CountWorkingOrders extends Query<number> {
  constructor(readonly killSwitch: KillSwitch) {
    super();
  }
}

@QueryHandler(CountWorkingOrders)
export class CountWorkingOrdersHandler implements IQueryHandler<CountWorkingOrders> {
  constructor(
    private readonly transactions: Transactions,
    private readonly orders: SweptOrders,
  ) {}

  async execute({ killSwitch: { scope, level } }: CountWorkingOrders): Promise<number> {
    if (level === null) return 0;
    return this.transactions.onReservedConnection((tx) => this.orders.countWorking(tx, { scope, level }));
  }
}
