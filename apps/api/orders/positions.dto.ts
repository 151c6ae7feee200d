import type { PositionView } from '@interlock/orders';
import { ApiProperty } from '@nestjs/swagger';
import { OK, TIME } from '../docs/fields.js';
import { constraint, Name, OneOf, Optional, VenueId } from '../http/constraints.js';
import { MostItems } from '../http/page.dto.js';
import { AMOUNT, MARKET, OUTCOME, STRATEGY, VENUE } from './orders.dto.js';
import { POSITION_CURSOR_PATTERN, positionOfCursor } from './position-cursor.js';

const POSITION_CURSOR = { type: String, pattern: POSITION_CURSOR_PATTERN, example: 'WyJhIiwiYiIsImMiLCJkIiwiZSJd' };

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
