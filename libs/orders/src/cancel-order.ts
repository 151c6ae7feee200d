import { type Transaction, Transactions } from '@interlock/persistence';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { Ledger, type StatusChange } from './ledger/ledger.js';
import { isWorking, type OrderStatus } from './order.js';
import { OrderEntity } from './order.entity.js';
import { type OrderView, orderViewOf } from './order-view.js';
import { ADMITTED_ORDERS_CHANNEL } from './place-orders.js';

/** Of orders that somebody asked to be cancelled. */
const CANCEL_REQUESTED = 'CANCEL_REQUESTED';

/**
 * Cancels an order. One that was never sent ends at once; a sent one is cancelled at its venue by whoever looks after it there, and
 * ends when the venue says so. No switch forbids it: a cancel never makes a risk larger.
 */
export class CancelOrder extends Command<CancelOrderResult> {
  constructor(readonly orderId: string) {
    super();
  }
}

export type CancelOrderResult =
  | { kind: 'canceled'; order: OrderView }
  /** The venue is to be told; it decides whether the order was filled before. */
  | { kind: 'requested'; order: OrderView }
  | { kind: 'finished'; status: OrderStatus }
  | { kind: 'unknown-order' };

@CommandHandler(CancelOrder)
export class CancelOrderHandler implements ICommandHandler<CancelOrder> {
  constructor(
    private readonly transactions: Transactions,
    private readonly ledger: Ledger,
  ) {}

  execute({ orderId }: CancelOrder): Promise<CancelOrderResult> {
    return this.transactions.run(async (tx) => {
      // The lock that sending and booking hold as well: the order is either not sent yet and never will be, or it is sent.
      const order = await lockOrder(tx, orderId);
      if (order === undefined) return { kind: 'unknown-order' };
      if (!isWorking(order.status)) return { kind: 'finished', status: order.status };
      if (order.status === 'ADMITTED') {
        await this.change(tx, { orderId: order.id, to: 'CANCELED', reason: CANCEL_REQUESTED });
        return { kind: 'canceled', order: await view(tx, order.id) };
      }
      await this.request(tx, order);
      return { kind: 'requested', order: await view(tx, order.id) };
    });
  }

  private async request(tx: Transaction, { id, status, venue }: LockedOrder): Promise<void> {
    await tx.query(
      `UPDATE orders SET cancel_requested_at = clock_timestamp(), cancel_reason = $2
       WHERE id = $1 AND cancel_requested_at IS NULL`,
      [id, CANCEL_REQUESTED],
    );
    // What became of an UNKNOWN order is found out first: until then nobody knows whether there is something to cancel.
    if (status !== 'UNKNOWN') await this.change(tx, { orderId: id, to: 'CANCEL_PENDING' });
    await tx.query('SELECT pg_notify($1, $2)', [ADMITTED_ORDERS_CHANNEL, venue]);
  }

  /** The order is locked and works, so that nothing can keep it from this. */
  private async change(tx: Transaction, change: StatusChange): Promise<void> {
    const [result] = await this.ledger.changeStatus(tx, [change]);
    if (result?.kind === 'changed' || result?.kind === 'unchanged') return;
    throw new Error(`the order ${change.orderId} cannot become ${change.to}: ${result?.kind}`);
  }
}

interface LockedOrder {
  /** As it is stored; a caller may write it in capitals. */
  readonly id: string;
  readonly status: OrderStatus;
  readonly venue: string;
}

async function lockOrder(tx: Transaction, orderId: string): Promise<LockedOrder | undefined> {
  const [order] = await tx.query<LockedOrder[]>('SELECT id, status, venue FROM orders WHERE id = $1 FOR UPDATE', [
    orderId,
  ]);
  return order;
}

async function view(tx: Transaction, orderId: string): Promise<OrderView> {
  return orderViewOf(await tx.findOneByOrFail(OrderEntity, { id: orderId }));
}
