import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { OrderEntity } from './order.entity.js';
import { type OrderView, orderViewOf } from './order-view.js';

/** One order; null when there is none with this id. */
export class GetOrder extends Query<OrderView | null> {
  constructor(readonly orderId: string) {
    super();
  }
}

@QueryHandler(GetOrder)
export class GetOrderHandler implements IQueryHandler<GetOrder> {
  constructor(@InjectRepository(OrderEntity) private readonly orders: Repository<OrderEntity>) {}

  async execute({ orderId }: GetOrder): Promise<OrderView | null> {
    const order = await this.orders.findOneBy({ id: orderId });
    return order === null ? null : orderViewOf(order);
  }
}
