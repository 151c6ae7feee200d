import type { Mode } from '@interlock/kill-switch';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { OrderStatus, OrderType, Side, TimeInForce } from './order.js';

/** An order as it is stored. Amounts are decimal text, as PostgreSQL's numeric comes. */
@Entity('orders')
export class OrderEntity {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text', { name: 'client_order_id', nullable: true })
  clientOrderId!: string | null;

  @Column('uuid', { name: 'run_id', nullable: true })
  runId!: string | null;

  @Column('text')
  strategy!: string;

  @Column('text')
  mode!: Mode;

  @Column('text')
  venue!: string;

  @Column('text')
  account!: string;

  @Column('text')
  market!: string;

  @Column('text')
  outcome!: string;

  @Column('text')
  side!: Side;

  @Column('text')
  type!: OrderType;

  @Column('numeric', { nullable: true })
  price!: string | null;

  @Column('numeric')
  quantity!: string;

  @Column('numeric', { name: 'filled_quantity' })
  filledQuantity!: string;

  @Column('numeric', { name: 'average_price', nullable: true })
  averagePrice!: string | null;

  @Column('text', { name: 'time_in_force' })
  timeInForce!: TimeInForce;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt!: Date | null;

  @Column('boolean', { name: 'post_only' })
  postOnly!: boolean;

  @Column('boolean', { name: 'reduce_only' })
  reduceOnly!: boolean;

  @Column('text')
  status!: OrderStatus;

  @Column('text', { nullable: true })
  reason!: string | null;

  @Column('text', { name: 'venue_order_id', nullable: true })
  venueOrderId!: string | null;

  @Column('numeric', { name: 'fee_reserve' })
  feeReserve!: string;

  /** By which the venue knows the order; null while it was never prepared for sending. */
  @Column('text', { name: 'dedupe_key', nullable: true })
  dedupeKey!: string | null;

  @Column('timestamptz', { name: 'cancel_requested_at', nullable: true })
  cancelRequestedAt!: Date | null;

  @Column('integer')
  version!: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'updated_at' })
  updatedAt!: Date;
}
