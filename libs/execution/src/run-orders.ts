import { PlaceOrders, type PlaceOrderResult } from '@interlock/orders';
import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { RunOrder } from './pipeline.js';
import type { RunParams } from './run.js';
import { type Hold, Runs } from './runs.repository.js';

/** Orders that runs place: through the same gate as everybody's, under keys that a later attempt has again. */
@Injectable()
export class RunOrders {
  constructor(
    private readonly commands: CommandBus,
    private readonly runs: Runs,
  ) {}

  /** @throws HoldLost; nothing was placed then */
  place(
    { runId, epoch }: Hold,
    { strategy, mode }: RunParams,
    orders: readonly RunOrder[],
  ): Promise<PlaceOrderResult[]> {
    const requests = orders.map(({ decision, ...order }) => ({
      ...order,
      strategy,
      clientOrderId: `${runId}:${decision}`,
    }));
    const run = {
      runId,
      mode,
      confirm: (tx: Parameters<Runs['confirm']>[0]) => this.runs.confirm(tx, { runId, epoch }),
    };
    return this.commands.execute(new PlaceOrders(requests, `run ${runId}`, run));
  }
}
