import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ERROR_CODES, type ErrorCode } from '../http/error-codes.js';
import { KillSwitchAnswer } from '../execution/kill-switch.dto.js';

/** Every error of the api but those of health and readiness. */
export class ErrorEnvelope {
  @ApiProperty({ type: Boolean, enum: [false] })
  ok!: false;

  @ApiProperty({ type: String, enum: ERROR_CODES })
  code!: ErrorCode;

  @ApiProperty({ type: String, description: 'One plain sentence.', example: 'There is nothing at this path.' })
  message!: string;

  @ApiProperty({ type: String, description: 'As in the header x-request-id; the log has it too.' })
  requestId!: string;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'array', items: { type: 'string' } },
    description: 'With VALIDATION_FAILED: what is wrong, by field.',
    example: { mode: ['must be one of mock, paper, live'] },
  })
  fieldErrors?: Record<string, string[]>;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    description: "With a guard's refusal: rule, scope, current value and limit.",
    example: { rule: 'MAX_POSITION_LIMIT', scope: 'global', current: '2000000', limit: '1000000' },
  })
  details?: object;

  @ApiPropertyOptional({ type: () => KillSwitchAnswer, description: 'With KILL_SWITCH_ON and KILL_SWITCH_UNCHANGED.' })
  killSwitch?: KillSwitchAnswer;

  @ApiPropertyOptional({ type: String, description: 'With ENQUEUE_FAILED and OUTCOME_UNKNOWN.' })
  runId?: string;
}
