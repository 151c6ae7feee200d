import {
  conflictsIn,
  type OrderRequest,
  type OrderType,
  type Side,
  type TimeInForce,
  timeInForceOf,
} from '@interlock/orders';
import { type AmountInput, parseAmount } from '@interlock/venues';
import type { FieldErrors } from '../http/api-error.js';
import {
  constraint,
  Instant,
  Name,
  OneOf,
  Optional,
  Price,
  Quantity,
  TrueOrFalse,
  VenueId,
} from '../http/constraints.js';
import type { KeyField } from '../execution/idempotency-key.js';

const MOST_ORDERS = 50;

/** Where the key of an order stands beside the header. */
export const CLIENT_ORDER_ID: KeyField = {
  field: 'clientOrderId',
  pattern: /^[\x21-\x7e]{1,64}$/,
  allowed: 'must be 1 to 64 visible ASCII characters without blanks',
};

/** For the OpenAPI document. */
export const CLIENT_ORDER_ID_HEADER = {
  name: 'idempotency-key',
  required: false,
  description: 'The field `clientOrderId`, for those who set headers more easily than bodies. Both and different: 400.',
  schema: { type: 'string', pattern: CLIENT_ORDER_ID.pattern.source },
  example: 'rain-entry-1',
};

/** What to buy or sell, and how. */
export class PlaceOrderBody {
  /** Whose order it is: positions, limits and scoped switches go by it. */
  @Optional()
  @Name()
  strategy: string = 'default';

  /** A configured venue; its mode becomes the order's. */
  @Optional()
  @Name()
  venue: string = 'paper';

  /**
   * Id of the market at that venue.
   * @example 'rain-2026-12-01'
   */
  @VenueId()
  market!: string;

  /**
   * Id of the outcome whose shares are traded.
   * @example 'YES'
   */
  @VenueId()
  outcome!: string;

  /** Of shares of that outcome. */
  @OneOf(['BUY', 'SELL'])
  side!: Side;

  /** `limit` never trades at a price worse than its own. */
  @Optional()
  @OneOf(['limit', 'market'])
  type: OrderType = 'limit';

  /** Per share. A limit order needs it; of a market order it is the worst price that is taken, if there is one. */
  @Optional()
  @Price()
  price?: AmountInput;

  /** Shares. */
  @Quantity()
  quantity!: AmountInput;

  /** How long it stands. Limit: any of them, `GTC` when absent. Market: `IOC`, as when absent, or `FOK`. */
  @Optional()
  @OneOf(['GTC', 'GTD', 'IOC', 'FOK'])
  timeInForce?: TimeInForce;

  /**
   * When a `GTD` order ends, in the future; with no other.
   * @example '2026-12-01T12:00:00Z'
   */
  @Optional()
  @Instant()
  expiresAt?: string;

  /** True: the venue rejects it where it would trade at once. Only with `GTC` and `GTD`. */
  @Optional()
  @TrueOrFalse()
  postOnly: boolean = false;

  /** True: it is refused where it would do more than make a position smaller. */
  @Optional()
  @TrueOrFalse()
  reduceOnly: boolean = false;

  /**
   * Makes the order safe to repeat: any number of requests with one id and strategy make one order. May stand in the header
   * `idempotency-key` as well.
   */
  @Optional()
  @ClientOrderId()
  clientOrderId?: string;
}

/** Orders to be judged one after the other. */
export class PlaceOrdersBody {
  /** 1 to 50 of them, each as `POST /api/orders` takes it. What is wrong with one is told in its result and keeps none of the others. */
  @SeveralOrders()
  orders!: unknown[];
}

function ClientOrderId(): PropertyDecorator {
  const { field, pattern, allowed } = CLIENT_ORDER_ID;
  const test = (value: unknown) => typeof value === 'string' && pattern.test(value);
  return constraint(field, allowed, test, { type: String, pattern: pattern.source });
}

function SeveralOrders(): PropertyDecorator {
  const test = (value: unknown) => Array.isArray(value) && value.length >= 1 && value.length <= MOST_ORDERS;
  return constraint('orders', `must be a list of 1 to ${MOST_ORDERS} orders`, test, {
    type: 'array',
    minItems: 1,
    maxItems: MOST_ORDERS,
    items: { $ref: '#/components/schemas/PlaceOrderBody' },
  });
}

/** The order with its defaults, or what does not go together in it. */
export function orderRequestOf(
  body: PlaceOrderBody,
  clientOrderId: string | undefined,
): OrderRequest | { fieldErrors: FieldErrors } {
  const { strategy, venue, market, outcome, side, type, expiresAt, postOnly, reduceOnly } = body;
  const fieldErrors = conflictsIn(body);
  if (Object.keys(fieldErrors).length > 0) return { fieldErrors };
  return {
    strategy,
    venue,
    market,
    outcome,
    side,
    type,
    price: body.price === undefined ? null : amountIn(body.price),
    quantity: amountIn(body.quantity),
    timeInForce: timeInForceOf(body),
    expiresAt: expiresAt === undefined ? null : new Date(expiresAt),
    postOnly,
    reduceOnly,
    clientOrderId: clientOrderId ?? null,
  };
}

function amountIn(value: AmountInput): string {
  const parsed = parseAmount(value);
  if (parsed === null) throw new Error('an amount was not checked before');
  return parsed.toFixed();
}
