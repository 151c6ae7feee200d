import type { Mode } from '@interlock/kill-switch';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Side } from './order.js';

export const FINALITIES = ['PROVISIONAL', 'FINAL', 'VOIDED'] as const;
/** `PROVISIONAL`: the venue may still take it back, which makes it `VOIDED`. */
export type Finality = (typeof FINALITIES)[number];

/** A fill as it is stored; a settlement has no order. Amounts are decimal text, as PostgreSQL's numeric comes. */
@Entity('fills')
export class FillEntity {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('uuid', { name: 'order_id', nullable: true })
  orderId!: string | null;

  @Column('text')
  strategy!: string;

  @Column('text')
  mode!: Mode;

  @Column('text')
  venue!: string;

  @Column('text', { name: 'venue_trade_id' })
  venueTradeId!: string;

  @Column('text')
  market!: string;

  @Column('text')
  outcome!: string;

  @Column('text')
  side!: Side;

  @Column('numeric')
  price!: string;

  @Column('numeric')
  quantity!: string;

  @Column('numeric')
  fee!: string;

  @Column('text')
  liquidity!: 'MAKER' | 'TAKER' | 'SETTLEMENT';

  @Column('text')
  finality!: Finality;

  @Column('numeric', { name: 'realized_pnl' })
  realizedPnl!: string;

  @Column('timestamptz', { name: 'executed_at' })
  executedAt!: Date;

  @Column('timestamptz', { name: 'booked_at' })
  bookedAt!: Date;
}
