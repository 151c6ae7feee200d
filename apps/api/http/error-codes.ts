import { REFUSAL_CODES, type RefusalCode } from '@interlock/risk-guards';

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
  ...REFUSAL_CODES,
  'RUN_NOT_FINISHED',
  'RUN_ALREADY_FINISHED',
  'ORDER_ALREADY_FINISHED',
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
  if (isGuardRefusal(code)) return 409;
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
    case 'RUN_NOT_FINISHED':
    case 'RUN_ALREADY_FINISHED':
    case 'ORDER_ALREADY_FINISHED':
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

function isGuardRefusal(code: ErrorCode): code is RefusalCode {
  return (REFUSAL_CODES as readonly string[]).includes(code);
}
