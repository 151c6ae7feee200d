import { SetMetadata } from '@nestjs/common';
import type { ErrorCode } from './error-codes.js';

export const REFUSALS = 'interlock:refusals';

/** For the OpenAPI document: the codes with which this route's own work may refuse, beside those that every route has. */
export const Refusals = (...codes: ErrorCode[]) => SetMetadata<string, ErrorCode[]>(REFUSALS, codes);
