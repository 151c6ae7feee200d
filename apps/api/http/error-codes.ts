/** Every code that an answer of the api may carry (contracts.md, "Errors"). */
export const ERROR_CODES = [
  'VALIDATION_FAILED',
  'MALFORMED_JSON',
  'DATASET_INVALID',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'REQUEST_TIMEOUT',
  'KILL_SWITCH_ON',
  'KILL_SWITCH_UNCHANGED',
  'MAX_POSITION_EXCEEDED',
  'RISK_LIMIT_EXCEEDED',
  'ORDER_RATE_LIMIT_EXCEEDED',
  'MARKET_CLOSED',
  'MARKET_DATA_STALE',
  'PRICE_COLLAR_EXCEEDED',
  'INVALID_TICK',
  'BELOW_MINIMUM_SIZE',
  'MAX_ORDER_QUANTITY_EXCEEDED',
  'MAX_ORDER_VALUE_EXCEEDED',
  'MAX_OPEN_ORDERS_EXCEEDED',
  'EXPOSURE_LIMIT_EXCEEDED',
  'DRAWDOWN_EXCEEDED',
  'LOSING_STREAK',
  'DUPLICATE_ORDER',
  'SELF_MATCH',
  'INSUFFICIENT_CASH',
  'INSUFFICIENT_POSITION',
  'REDUCE_ONLY_VIOLATION',
  'LIMIT_NOT_CONFIGURED',
  'RUN_NOT_FINISHED',
  'RUN_ALREADY_FINISHED',
  'IDEMPOTENCY_KEY_REUSED',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'RATE_LIMITED',
  'HEADERS_TOO_LARGE',
  'INTERNAL_ERROR',
  'ADMIN_TOKEN_NOT_CONFIGURED',
  'DATABASE_UNAVAILABLE',
  'ENQUEUE_FAILED',
  'OUTCOME_UNKNOWN',
  'RISK_STATE_UNAVAILABLE',
  'QUEUE_FULL',
  'OVERLOADED',
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

/** The HTTP status that goes with a code; a code without one does not compile. */
export function statusOf(code: ErrorCode): number {
  switch (code) {
    case 'VALIDATION_FAILED':
    case 'MALFORMED_JSON':
    case 'DATASET_INVALID':
      return 400;
    case 'UNAUTHENTICATED':
      return 401;
    case 'FORBIDDEN':
      return 403;
    case 'NOT_FOUND':
      return 404;
    case 'METHOD_NOT_ALLOWED':
      return 405;
    case 'REQUEST_TIMEOUT':
      return 408;
    case 'KILL_SWITCH_ON':
    case 'KILL_SWITCH_UNCHANGED':
    case 'MAX_POSITION_EXCEEDED':
    case 'RISK_LIMIT_EXCEEDED':
    case 'ORDER_RATE_LIMIT_EXCEEDED':
    case 'MARKET_CLOSED':
    case 'MARKET_DATA_STALE':
    case 'PRICE_COLLAR_EXCEEDED':
    case 'INVALID_TICK':
    case 'BELOW_MINIMUM_SIZE':
    case 'MAX_ORDER_QUANTITY_EXCEEDED':
    case 'MAX_ORDER_VALUE_EXCEEDED':
    case 'MAX_OPEN_ORDERS_EXCEEDED':
    case 'EXPOSURE_LIMIT_EXCEEDED':
    case 'DRAWDOWN_EXCEEDED':
    case 'LOSING_STREAK':
    case 'DUPLICATE_ORDER':
    case 'SELF_MATCH':
    case 'INSUFFICIENT_CASH':
    case 'INSUFFICIENT_POSITION':
    case 'REDUCE_ONLY_VIOLATION':
    case 'LIMIT_NOT_CONFIGURED':
    case 'RUN_NOT_FINISHED':
    case 'RUN_ALREADY_FINISHED':
      return 409;
    case 'PAYLOAD_TOO_LARGE':
      return 413;
    case 'UNSUPPORTED_MEDIA_TYPE':
      return 415;
    case 'IDEMPOTENCY_KEY_REUSED':
      return 422;
    case 'RATE_LIMITED':
      return 429;
    case 'HEADERS_TOO_LARGE':
      return 431;
    case 'INTERNAL_ERROR':
      return 500;
    case 'ADMIN_TOKEN_NOT_CONFIGURED':
    case 'DATABASE_UNAVAILABLE':
    case 'ENQUEUE_FAILED':
    case 'OUTCOME_UNKNOWN':
    case 'RISK_STATE_UNAVAILABLE':
    case 'QUEUE_FULL':
    case 'OVERLOADED':
      return 503;
  }
}
