import { type Mode, MODES } from '@interlock/kill-switch';
import { FINALITIES, type FillView, type Finality, type PnlDay, type PositionView, type Side } from '@interlock/orders';
import { ApiProperty } from '@nestjs/swagger';
import { ID, OK, TIME } from '../docs/fields.js';
import { constraint, Day, Id, Name, OneOf, Optional, SomeOf, VenueId } from '../http/constraints.js';
import { MostItems, NEXT_CURSOR, PageQuery } from '../http/page.dto.js';
import { AMOUNT, MARKET, OUTCOME, SIDE, STRATEGY, VENUE } from './orders.dto.js';
import { POSITION_CURSOR_PATTERN, positionOfCursor } from './position-cursor.js';

const POSITION_CURSOR = { type: String, pattern: POSITION_CURSOR_PATTERN, example: 'WyJhIiwiYiIsImMiLCJkIiwiZSJd' };
const DAY = { type: 'string', format: 'date', example: '2026-11-23' } as const;

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

export class PositionsQuery {
  /** Only positions of this strategy. */
  @Optional()
  @Name()
  strategy?: string;

  /** Only positions at this venue. */
  @Optional()
  @Name()
  venue?: string;

  /** Only positions in this market. */
  @Optional()
  @VenueId()
  market?: string;

  /** `true`: also those that hold nothing any more, or not yet. */
  @Optional()
  @OneOf(['true', 'false'])
  flat?: 'true' | 'false';

  /** Most items of the page. */
  @Optional()
  @MostItems()
  limit?: string;

  /** The `nextCursor` of the page before; absent for the first page. */
  @Optional()
  @PositionCursor()
  cursor?: string;
}

function PositionCursor(): PropertyDecorator {
  const test = (value: unknown) => typeof value === 'string' && positionOfCursor(value) !== undefined;
  return constraint('cursor', 'must be the nextCursor of a page of this list', test, POSITION_CURSOR);
}

export class PositionBody implements PositionView {
  @ApiProperty(STRATEGY)
  strategy!: string;

  @ApiProperty(VENUE)
  venue!: string;

  @ApiProperty(MARKET)
  market!: string;

  @ApiProperty(OUTCOME)
  outcome!: string;

  /** Shares held; never below 0. */
  @ApiProperty({ ...AMOUNT, example: '7' })
  quantity!: string;

  /** What they have cost, fees apart. */
  @ApiProperty({ ...AMOUNT, example: '2.8' })
  costBasis!: string;

  /** Cost per share, to 8 decimals; null while nothing is held. */
  @ApiProperty({ ...AMOUNT, example: '0.4' })
  averagePrice!: string | null;

  /** Of all sales and settlements so far, fees apart. */
  @ApiProperty({ ...AMOUNT, example: '-1.5' })
  realizedPnl!: string;

  /** Of all fills so far. */
  @ApiProperty({ ...AMOUNT, example: '0.12' })
  fees!: string;

  /** Shares that working orders may still buy. */
  @ApiProperty({ ...AMOUNT, example: '0' })
  workingBuy!: string;

  /** Shares that working orders promise to sell. */
  @ApiProperty({ ...AMOUNT, example: '3' })
  workingSell!: string;

  /** The best bid; null where nobody bids. */
  @ApiProperty({ ...AMOUNT, example: '0.45' })
  markPrice!: string | null;

  /** quantity · markPrice − costBasis, to 8 decimals; null without a mark. */
  @ApiProperty({ ...AMOUNT, example: '0.35' })
  unrealizedPnl!: string | null;

  @ApiProperty(TIME)
  updatedAt!: string;
}

export class PositionsAnswer {
  @ApiProperty(OK)
  ok!: true;

  /** By strategy, venue, market and outcome. */
  @ApiProperty()
  items!: PositionBody[];

  /** For the next page; null on the last one. */
  @ApiProperty(POSITION_CURSOR)
  nextCursor!: string | null;
}

export class PnlQuery {
  /** The first day, in the time zone of `RISK_DAY_TIMEZONE`; 29 days before the last one when absent. */
  @Optional()
  @Day()
  from?: string;

  /** The last day; today when absent. */
  @Optional()
  @Day()
  to?: string;

  /** Only of this strategy. */
  @Optional()
  @Name()
  strategy?: string;

  /** Only of this mode; all together when absent. */
  @Optional()
  @OneOf(MODES)
  mode?: Mode;
}

export class PnlDayBody implements PnlDay {
  /** In the time zone of the answer. */
  @ApiProperty(DAY)
  day!: string;

  /** Of sales and settlements booked on that day, fees apart. */
  @ApiProperty({ ...AMOUNT, example: '-4.5' })
  realized!: string;

  @ApiProperty({ ...AMOUNT, example: '0.25' })
  fees!: string;

  /** realized − fees. */
  @ApiProperty({ ...AMOUNT, example: '-4.75' })
  net!: string;

  /** The absolute sum of the negative results: what the daily-loss guards compare. */
  @ApiProperty({ ...AMOUNT, example: '6.25' })
  loss!: string;
}

export class PnlAnswer {
  @ApiProperty(OK)
  ok!: true;

  /**
   * In which days are counted.
   * @example 'UTC'
   */
  @ApiProperty()
  timezone!: string;

  /** The first day that is told of. */
  @ApiProperty(DAY)
  from!: string;

  /** The last day that is told of. */
  @ApiProperty(DAY)
  to!: string;

  /** Null: all modes together. */
  @ApiProperty({ enum: MODES })
  mode!: Mode | null;

  /** Of these days, fees apart. */
  @ApiProperty({ ...AMOUNT, example: '-4.5' })
  realized!: string;

  @ApiProperty({ ...AMOUNT, example: '0.25' })
  fees!: string;

  /** realized − fees. */
  @ApiProperty({ ...AMOUNT, example: '-4.75' })
  net!: string;

  /** Of what is held now, at the best bids, whatever the days; null when for something held nobody bids. */
  @ApiProperty({ ...AMOUNT, example: '0.35' })
  unrealized!: string | null;

  /** Those on which something was booked, the first one first. */
  @ApiProperty()
  days!: PnlDayBody[];
}
