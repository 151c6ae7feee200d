import { NAME_PATTERN } from '@interlock/config';
import type { ApiPropertyOptions } from '@nestjs/swagger';

/*
 * What the fields of answers hold, told once for all of them: `@ApiProperty(ID) runId!: string`. Whether a field may be missing or
 * null, and what it means, is read from its declaration and its comment.
 */

/** The answer is no error. */
export const OK = { type: 'boolean', enum: [true] } satisfies ApiPropertyOptions;

export const ID = {
  type: 'string',
  format: 'uuid',
  example: '01a20731-626d-705b-b365-598d0496adc1',
} satisfies ApiPropertyOptions;

/** ISO 8601 in UTC, to the millisecond. */
export const TIME = {
  type: 'string',
  format: 'date-time',
  example: '2026-11-23T06:56:46.710Z',
} satisfies ApiPropertyOptions;

export const NAME = { type: 'string', pattern: NAME_PATTERN.source } satisfies ApiPropertyOptions;

export const COUNT = { type: 'integer', minimum: 0 } satisfies ApiPropertyOptions;

/** A share or a probability. */
export const UNIT_INTERVAL = { type: 'number', minimum: 0, maximum: 1 } satisfies ApiPropertyOptions;

/** Money, as text so that nothing is lost: a float holds no tenth. */
export const DECIMAL_PATTERN = '^-?(0|[1-9][0-9]*)(\\.[0-9]+)?$';

export const SHA256 = {
  type: 'string',
  pattern: '^[0-9a-f]{64}$',
  example: 'b088f5a4888e997be714049153962769a2ff3c50a5a8e1274fb5f0f9747a5028',
} satisfies ApiPropertyOptions;

/** Of an object whose fields depend on what it belongs to. */
export const ANY_OBJECT = { type: 'object', additionalProperties: true } satisfies ApiPropertyOptions;
