import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { InjectRepository } from '@nestjs/typeorm';
import { In, LessThan, Repository } from 'typeorm';
import type { OrderStatus } from './order.js';
import { OrderEntity } from './order.entity.js';
import { type OrderView, orderViewOf } from './order-view.js';

export interface OrderFilter {
  readonly strategy?: string;
  readonly venue?: string;
  readonly market?: string;
  /** Any of these; absent: all. */
  readonly statuses?: readonly OrderStatus[];
  readonly runId?: string;
}

export interface OrderPage {
  readonly items: OrderView[];
  /** Id of the last item when there are more. */
  readonly nextCursor: string | null;
}

/** Orders, newest first. `limit` is from 1 to 200; `before` is the id after which the page starts. */
export class ListOrders extends Query<OrderPage> {
  constructor(
    readonly filter: OrderFilter,
    readonly limit: number,
    readonly before?: string,
  ) {
    super();
  }
}

@QueryHandler(ListOrders)
export class ListOrdersHandler implements IQueryHandler<ListOrders> {
  constructor(@InjectRepository(OrderEntity) private readonly orders: Repository<OrderEntity>) {}

  async execute({ filter: { statuses, ...equal }, limit, before }: ListOrders): Promise<OrderPage> {
    const found = await this.orders.find({
      where: {
        ...equal,
        ...(statuses === undefined ? {} : { status: In([...statuses]) }),
        ...(before === undefined ? {} : { id: LessThan(before) }),
      },
      order: { id: 'DESC' }, // ids are UUIDv7: by time
      take: limit + 1,
    });
    const items = found.slice(0, limit).map(orderViewOf);
    return { items, nextCursor: found.length > limit ? (items.at(-1)?.orderId ?? null) : null };
  }
}
