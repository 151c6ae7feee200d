import { FINALITIES, type FillView, type Finality, type Side } from '@interlock/orders';
import { ApiProperty } from '@nestjs/swagger';
import { ID, OK, TIME } from '../docs/fields.js';
import { Id, Name, Optional, SomeOf, VenueId } from '../http/constraints.js';
import { NEXT_CURSOR, PageQuery } from '../http/page.dto.js';
import { AMOUNT, MARKET, OUTCOME, SIDE, STRATEGY, VENUE } from './orders.dto.js';

export class FillsQuery extends PageQuery {
  /** Only fills of this strategy. */
  @Optional()
  @Name()
  strategy?: string;

  /** Only fills at this venue. */
  @Optional()
  @Name()
  venue?: string;

  /** Only fills in this market. */
  @Optional()
  @VenueId()
  market?: string;

  /** How certain they are, separated by commas. */
  @Optional()
  @SomeOf(FINALITIES)
  status?: string;

  /** Only fills of this order. */
  @Optional()
  @Id()
  orderId?: string;

  /** Only fills of orders of this run. */
  @Optional()
  @Id()
  runId?: string;
}

export class FillBody implements FillView {
  @ApiProperty(ID)
  fillId!: string;

  /** Null for a settlement. */
  @ApiProperty(ID)
  orderId!: string | null;

  @ApiProperty(STRATEGY)
  strategy!: string;

  @ApiProperty(VENUE)
  venue!: string;

  /** Several orders can be filled by one trade. */
  @ApiProperty({ type: 'string', example: '01a20731-6f2e-7d8b-8a17-2c7bb1f7d1c4' })
  venueTradeId!: string;

  @ApiProperty(MARKET)
  market!: string;

  @ApiProperty(OUTCOME)
  outcome!: string;

  @ApiProperty(SIDE)
  side!: Side;

  /** Of a settlement the payout per share. */
  @ApiProperty({ ...AMOUNT, example: '0.42' })
  price!: string;

  @ApiProperty({ ...AMOUNT, example: '10' })
  quantity!: string;

  @ApiProperty({ ...AMOUNT, example: '0' })
  fee!: string;

  @ApiProperty({ enum: ['MAKER', 'TAKER', 'SETTLEMENT'] })
  liquidity!: FillView['liquidity'];

  /** `PROVISIONAL`: the venue may still take it back, which makes it `VOIDED`. */
  @ApiProperty({ enum: FINALITIES })
  finality!: Finality;

  /** Fees apart; of a purchase "0". */
  @ApiProperty({ ...AMOUNT, example: '0' })
  realizedPnl!: string;

  @ApiProperty(TIME)
  executedAt!: string;

  /** Its day decides on which day the result counts. */
  @ApiProperty(TIME)
  bookedAt!: string;
}

export class FillsAnswer {
  @ApiProperty(OK)
  ok!: true;

  /** Newest first. */
  @ApiProperty()
  items!: FillBody[];

  /** For the next page; null on the last one. */
  @ApiProperty(NEXT_CURSOR)
  nextCursor!: string | null;
}
