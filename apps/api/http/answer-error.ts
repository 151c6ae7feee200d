import { Logger } from '@nestjs/common';
import type { Request, Response } from 'express';
import { type ApiError, apiErrorOf, CallerGone } from './api-error.js';
import { statusOf } from './error-codes.js';
import { contextOf } from './request-context.js';

const logger = new Logger('http');

/** Answers a request with the envelope of contracts.md. */
export function answerError(request: Request, response: Response, thrown: unknown): void {
  if (thrown instanceof CallerGone) return;
  const error = apiErrorOf(thrown);
  // The caller's own mistakes are no news; what we did not expect is, with its cause.
  if (error.code === 'INTERNAL_ERROR') logger.error({ err: thrown, code: error.code }, 'a request failed');
  else if (error !== thrown && error.code !== 'NOT_FOUND') {
    // While the database is away this is every request: a line each is enough.
    logger.warn({ reason: reasonOf(thrown), code: error.code }, 'a request failed');
  }
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const context = contextOf(request);
  context.refusal = error.code;
  response.status(statusOf(error.code)).set(error.headers).json(envelope(error, context.requestId));
}

function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return thrown.cause instanceof Error ? `${thrown.message}: ${thrown.cause.message}` : thrown.message;
}

export function envelope(error: ApiError, requestId: string): object {
  return { ok: false, code: error.code, message: error.message, requestId, ...error.fields };
}
