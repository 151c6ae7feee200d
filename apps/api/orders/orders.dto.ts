import { MODES, type Mode } from '@interlock/kill-switch';
import {
  ORDER_STATUSES,
  type OrderStatus,
  type OrderType,
  type OrderView,
  type Side,
  type TimeInForce,
} from '@interlock/orders';
import { REFUSAL_CODES } from '@interlock/risk-guards';
import { ApiProperty, type ApiPropertyOptions, getSchemaPath } from '@nestjs/swagger';
import { COUNT, DECIMAL_PATTERN, ID, NAME, OK, TIME } from '../docs/fields.js';
import { KillSwitchAnswer } from '../execution/kill-switch.dto.js';
import { Id, Name, Optional, SomeOf, VenueId } from '../http/constraints.js';
import { NEXT_CURSOR, PageQuery } from '../http/page.dto.js';

export const AMOUNT = { type: 'string', pattern: DECIMAL_PATTERN } satisfies ApiPropertyOptions;
export const MARKET = { type: 'string', example: 'rain-2026-12-01' } satisfies ApiPropertyOptions;
export const OUTCOME = { type: 'string', example: 'YES' } satisfies ApiPropertyOptions;
export const STRATEGY = { ...NAME, example: 'momentum' } satisfies ApiPropertyOptions;
export const VENUE = { ...NAME, example: 'paper' } satisfies ApiPropertyOptions;
export const SIDE = { enum: ['BUY', 'SELL'] } satisfies ApiPropertyOptions;

export class OrdersQuery extends PageQuery {
  /** Only orders of this strategy. */
  @Optional()
  @Name()
  strategy?: string;

  /** Only orders at this venue. */
  @Optional()
  @Name()
  venue?: string;

  /** Only orders in this market. */
  @Optional()
  @VenueId()
  market?: string;

  /** Statuses, separated by commas. */
  @Optional()
  @SomeOf(ORDER_STATUSES)
  status?: string;

  /** Only orders of this run. */
  @Optional()
  @Id()
  runId?: string;
}

export class OrderBody implements OrderView {
  @ApiProperty(ID)
  orderId!: string;

  /** The caller's own id of it, unique per strategy. */
  @ApiProperty({ type: 'string', example: 'rain-entry-1' })
  clientOrderId!: string | null;

  /** The run whose pipeline placed it; null: a caller from outside. */
  @ApiProperty(ID)
  runId!: string | null;

  @ApiProperty(STRATEGY)
  strategy!: string;

  /** That of its venue. */
  @ApiProperty({ enum: MODES })
  mode!: Mode;

  @ApiProperty(VENUE)
  venue!: string;

  @ApiProperty(MARKET)
  market!: string;

  @ApiProperty(OUTCOME)
  outcome!: string;

  @ApiProperty(SIDE)
  side!: Side;

  @ApiProperty({ enum: ['limit', 'market'] })
  type!: OrderType;

  /** Null for a market order without a worst price. */
  @ApiProperty({ ...AMOUNT, example: '0.42' })
  price!: string | null;

  @ApiProperty({ ...AMOUNT, example: '10' })
  quantity!: string;

  @ApiProperty({ ...AMOUNT, example: '0' })
  filledQuantity!: string;

  /** Null before the first fill. */
  @ApiProperty({ ...AMOUNT, example: '0.42' })
  averagePrice!: string | null;

  @ApiProperty({ enum: ['GTC', 'GTD', 'IOC', 'FOK'] })
  timeInForce!: TimeInForce;

  /** Null but with `GTD`. */
  @ApiProperty(TIME)
  expiresAt!: string | null;

  @ApiProperty()
  postOnly!: boolean;

  @ApiProperty()
  reduceOnly!: boolean;

  /** `ADMITTED`: stored and not sent yet. `UNKNOWN`: sent, and what became of it is being found out; it counts as working. */
  @ApiProperty({ enum: ORDER_STATUSES })
  status!: OrderStatus;

  /** Why it is in this status, where that needs saying. */
  @ApiProperty({ type: 'string', example: 'IOC_REMAINDER' })
  reason!: string | null;

  /** Null before its venue has told it. */
  @ApiProperty({ type: 'string' })
  venueOrderId!: string | null;

  /** Rises with every change, from 1. */
  @ApiProperty(COUNT)
  version!: number;

  @ApiProperty(TIME)
  createdAt!: string;

  @ApiProperty(TIME)
  updatedAt!: string;
}

export class OrderAnswer {
  @ApiProperty(OK)
  ok!: true;

  @ApiProperty()
  order!: OrderBody;
}

export class PlacedOrderAnswer extends OrderAnswer {
  /** True when the client order id's order existed already; it is shown as it is by now. */
  @ApiProperty({ type: Boolean, enum: [true] })
  replayed?: true;
}

export class OrdersAnswer {
  @ApiProperty(OK)
  ok!: true;

  /** Newest first. */
  @ApiProperty()
  items!: OrderBody[];

  /** For the next page; null on the last one. */
  @ApiProperty(NEXT_CURSOR)
  nextCursor!: string | null;
}

/** Which guard said no. */
export class RefusalDetails {
  /** @example 'position' */
  @ApiProperty()
  rule!: string;

  /** @example 'mode:paper' */
  @ApiProperty()
  scope!: string;

  /** @example '2000000' */
  @ApiProperty()
  current!: string;

  /** @example '1000000' */
  @ApiProperty()
  limit!: string;
}

const ORDER_REFUSAL_CODES = [
  'VALIDATION_FAILED',
  'KILL_SWITCH_ON',
  ...REFUSAL_CODES,
  'IDEMPOTENCY_KEY_REUSED',
  'RISK_STATE_UNAVAILABLE',
] as const;

/** What `POST /api/orders` would have refused the order with. */
export class RefusedOrderAnswer {
  @ApiProperty({ type: Boolean, enum: [false] })
  ok!: false;

  @ApiProperty({ enum: ORDER_REFUSAL_CODES })
  code!: string;

  /** One plain sentence. */
  @ApiProperty()
  message!: string;

  /** Of refusals by a guard. */
  @ApiProperty()
  details?: RefusalDetails;

  /** Of `VALIDATION_FAILED`: what is wrong, by field. */
  @ApiProperty({ type: 'object', additionalProperties: { type: 'array', items: { type: 'string' }, minItems: 1 } })
  fieldErrors?: Record<string, string[]>;

  /** Of `KILL_SWITCH_ON`: the strictest one that stands over the order. */
  @ApiProperty()
  killSwitch?: KillSwitchAnswer;

  /** Of `IDEMPOTENCY_KEY_REUSED`: the order that has the id. */
  @ApiProperty(ID)
  orderId?: string;
}

export class PlaceOrdersAnswer {
  @ApiProperty(OK)
  ok!: true;

  /** One for each order, in their order. */
  @ApiProperty({
    type: 'array',
    items: { oneOf: [{ $ref: getSchemaPath(PlacedOrderAnswer) }, { $ref: getSchemaPath(RefusedOrderAnswer) }] },
  })
  results!: (PlacedOrderAnswer | RefusedOrderAnswer)[];
}
