import {
  ACKNOWLEDGEMENTS,
  FEE_RULES,
  type FeeSchedule,
  type ListedFill,
  MARKET_STATUSES,
  type MarketStatus,
  PAPER_MODES,
  type PaperBehaviour,
  type PaperMarketView,
  type Side,
  VENUE_ORDER_STATUSES,
  type VenueOrder,
  type VenueOrderStatus,
} from '@interlock/venues';
import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { COUNT, DECIMAL_PATTERN, ID, OK, TIME, UNIT_INTERVAL } from '../docs/fields.js';
import { NEXT_CURSOR } from '../http/page.dto.js';

const AMOUNT = { type: 'string', pattern: DECIMAL_PATTERN } satisfies ApiPropertyOptions;
const MARKET_ID = { type: 'string', pattern: '^[\\x21-\\x7e]{1,128}$', example: 'rain-2026-12-01' } as const;
const OUTCOME_ID = { ...MARKET_ID, example: 'YES' } as const;
const LEVELS = {
  type: 'array',
  items: { type: 'array', items: AMOUNT, minItems: 2, maxItems: 2, description: '[price, quantity]' },
} satisfies ApiPropertyOptions;
const BOOKS = {
  type: 'object',
  additionalProperties: {
    type: 'object',
    properties: { bids: LEVELS, asks: LEVELS },
    required: ['bids', 'asks'],
  },
} satisfies ApiPropertyOptions;

export class PaperMarketBody {
  /** Its id. */
  @ApiProperty(MARKET_ID)
  market!: string;

  /** Each has a book of its own; they do not net. */
  @ApiProperty()
  outcomes!: string[];

  /** How takers are charged; makers pay nothing. */
  @ApiProperty({ enum: FEE_RULES })
  rules!: FeeSchedule['rules'];

  /** Of the rules `polymarket`. */
  @ApiProperty({ ...AMOUNT, example: '0' })
  feeRate!: string;

  /** Of the rules `polymarket`. */
  @ApiProperty({ type: 'number', minimum: 0, maximum: 10 })
  feeExponent!: number;

  /** Prices of orders are multiples of it. */
  @ApiProperty({ ...AMOUNT, example: '0.01' })
  tick!: string;

  /** Least quantity of an order. */
  @ApiProperty({ ...AMOUNT, example: '5' })
  minQuantity!: string;

  @ApiProperty({ enum: MARKET_STATUSES })
  status!: MarketStatus;

  @ApiProperty(TIME)
  closesAt!: string | null;

  @ApiProperty(TIME)
  settledAt!: string | null;

  /** What others offer, by outcome; the best level first. */
  @ApiProperty(BOOKS)
  books!: PaperMarketView['books'];
}

export class PaperMarketAnswer {
  @ApiProperty(OK)
  ok!: true;

  @ApiProperty()
  market!: PaperMarketBody;
}

export class PaperMarketsAnswer {
  @ApiProperty(OK)
  ok!: true;

  /** Newest first. */
  @ApiProperty()
  items!: PaperMarketBody[];

  /** For the next page; null on the last one. */
  @ApiProperty(NEXT_CURSOR)
  nextCursor!: string | null;
}

export class PaperTradeAnswer {
  @ApiProperty(OK)
  ok!: true;

  /** What of the trade was ours. */
  @ApiProperty({ ...AMOUNT, example: '7' })
  filledQuantity!: string;
}

export class PaperOrderBody {
  @ApiProperty(ID)
  venueOrderId!: string;

  /** Our order's id. */
  @ApiProperty(ID)
  clientKey!: string;

  @ApiProperty(MARKET_ID)
  market!: string;

  @ApiProperty(OUTCOME_ID)
  outcome!: string;

  @ApiProperty({ enum: ['BUY', 'SELL'] })
  side!: Side;

  /** Null for a market order without worst price. */
  @ApiProperty({ ...AMOUNT, example: '0.4' })
  price!: string | null;

  @ApiProperty({ ...AMOUNT, example: '10' })
  quantity!: string;

  @ApiProperty({ ...AMOUNT, example: '7' })
  filledQuantity!: string;

  @ApiProperty({ enum: VENUE_ORDER_STATUSES })
  status!: VenueOrderStatus;

  /** Why it ended; null while it works and when it was filled. */
  @ApiProperty({ type: 'string' })
  reason!: string | null;

  @ApiProperty(TIME)
  createdAt!: string;
}

export class PaperOrdersAnswer {
  @ApiProperty(OK)
  ok!: true;

  /** Newest first. */
  @ApiProperty()
  items!: PaperOrderBody[];

  /** For the next page; null on the last one. */
  @ApiProperty(NEXT_CURSOR)
  nextCursor!: string | null;
}

export class PaperFillBody {
  /** Several orders can be filled by one trade. */
  @ApiProperty(ID)
  venueTradeId!: string;

  @ApiProperty(ID)
  venueOrderId!: string;

  @ApiProperty({ ...AMOUNT, example: '0.4' })
  price!: string;

  @ApiProperty({ ...AMOUNT, example: '7' })
  quantity!: string;

  @ApiProperty({ ...AMOUNT, example: '0' })
  fee!: string;

  @ApiProperty(TIME)
  executedAt!: string;
}

export class PaperFillsAnswer {
  @ApiProperty(OK)
  ok!: true;

  /** Newest first. */
  @ApiProperty()
  items!: PaperFillBody[];

  /** For the next page; null on the last one. */
  @ApiProperty(NEXT_CURSOR)
  nextCursor!: string | null;
}

export class PaperPositionBody {
  @ApiProperty(MARKET_ID)
  market!: string;

  @ApiProperty(OUTCOME_ID)
  outcome!: string;

  @ApiProperty({ ...AMOUNT, example: '7' })
  quantity!: string;
}

export class PaperAccountAnswer {
  @ApiProperty(OK)
  ok!: true;

  /** All of it, what is reserved included. */
  @ApiProperty({ ...AMOUNT, example: '9997.2' })
  cash!: string;

  /** What working buys may still cost, their highest fees included. */
  @ApiProperty({ ...AMOUNT, example: '1.2' })
  reserved!: string;

  /** What is held. */
  @ApiProperty()
  positions!: PaperPositionBody[];
}

export class PaperTransferAnswer {
  @ApiProperty(OK)
  ok!: true;

  /** What the account has now. */
  @ApiProperty({ ...AMOUNT, example: '10247.2' })
  cash!: string;

  /** What working buys may still cost, their highest fees included. */
  @ApiProperty({ ...AMOUNT, example: '1.2' })
  reserved!: string;
}

export class PaperBehaviourAnswerBody implements PaperBehaviour {
  /** From a question to its answer, in milliseconds. */
  @ApiProperty(COUNT)
  latencyMs!: number;

  /** Of orders. */
  @ApiProperty({ enum: ACKNOWLEDGEMENTS })
  acknowledgement!: PaperBehaviour['acknowledgement'];

  /** Share of orders that are refused for no reason. */
  @ApiProperty(UNIT_INTERVAL)
  rejectRate!: number;

  @ApiProperty({ enum: PAPER_MODES })
  mode!: PaperBehaviour['mode'];

  /** Which orders are refused depends on it alone. */
  @ApiProperty(COUNT)
  seed!: number;
}

export class PaperBehaviourAnswer {
  @ApiProperty(OK)
  ok!: true;

  @ApiProperty()
  behaviour!: PaperBehaviourAnswerBody;
}

export function paperMarketBody(view: PaperMarketView): PaperMarketBody {
  const { market, outcomes, closesAt, settledAt, books, ...rules } = view;
  return {
    market,
    outcomes: [...outcomes],
    ...rules,
    closesAt: closesAt?.toISOString() ?? null,
    settledAt: settledAt?.toISOString() ?? null,
    books,
  };
}

export function paperOrderBody({ dedupeKey, createdAt, ...order }: VenueOrder): PaperOrderBody {
  return { ...order, clientKey: dedupeKey ?? '', createdAt: createdAt.toISOString() };
}

export function paperFillBody({
  venueTradeId,
  venueOrderId,
  price,
  quantity,
  fee,
  executedAt,
}: ListedFill): PaperFillBody {
  return { venueTradeId, venueOrderId, price, quantity, fee, executedAt: executedAt.toISOString() };
}
