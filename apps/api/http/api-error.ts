import { RiskStateUnavailable } from '@interlock/risk-guards';
import { CommitOutcomeUnknown, isDatabaseUnavailable } from '@interlock/persistence';
import { NotFoundException } from '@nestjs/common';
import type { ErrorCode } from './error-codes.js';

/** Messages by field; the name of a nested field is its path, such as `input.dataset`. */
export type FieldErrors = Record<string, string[]>;

/** What an error's answer holds beside code, message and request id. */
export interface ErrorFields {
  readonly fieldErrors?: FieldErrors;
  readonly details?: object;
  readonly killSwitch?: object;
  readonly effect?: object;
  readonly runId?: string;
  readonly orderId?: string;
  readonly transferId?: string;
}

/** A request that is answered with an error. */
export class ApiError extends Error {
  constructor(
    readonly code: ErrorCode,
    /** One plain sentence; it is shown to the caller. */
    message: string,
    readonly fields: ErrorFields = {},
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

/** The connection was closed before the request was complete: nobody is there to be answered. */
export class CallerGone extends Error {}

export function invalid(fieldErrors: FieldErrors): ApiError {
  return new ApiError('VALIDATION_FAILED', 'The request has faults; fieldErrors names them.', { fieldErrors });
}

export function notFound(message: string): ApiError {
  return new ApiError('NOT_FOUND', message);
}

/** For what may well go by itself: when to try again, in seconds. */
export const SOON = { 'retry-after': '1' };

/** The answer to whatever was thrown. Nothing of the cause of a surprise is shown. */
export function apiErrorOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof NotFoundException) return notFound('There is nothing at this path.');
  if (error instanceof CommitOutcomeUnknown) {
    return new ApiError(
      'DATABASE_UNAVAILABLE',
      'The database was lost on the way; whether the change was made is unknown.',
      {},
      SOON,
    );
  }
  if (isDatabaseUnavailable(error)) {
    return new ApiError('DATABASE_UNAVAILABLE', 'The database cannot be reached, or not in time.', {}, SOON);
  }
  if (error instanceof RiskStateUnavailable) {
    return new ApiError(
      'RISK_STATE_UNAVAILABLE',
      'The state of the risk guards cannot be read, so nothing is admitted.',
      {},
      SOON,
    );
  }
  return new ApiError('INTERNAL_ERROR', 'Something went wrong inside; the log tells more under the request id.');
}
