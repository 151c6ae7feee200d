import { ApiProperty } from '@nestjs/swagger';
import { DECIMAL_PATTERN, OK } from '../docs/fields.js';

const AMOUNT_OR_COUNT = {
  oneOf: [
    { type: 'string', pattern: DECIMAL_PATTERN },
    { type: 'integer', minimum: 0 },
  ],
};

/** A guard with its present value. Money is decimal text, counts are numbers; the three values are of one kind. */
export class RiskItemAnswer {
  /** `position` and `dailyLoss` are money; `orderRate` and `startRate` count what was admitted in the last 60 s. */
  @ApiProperty({ enum: ['position', 'dailyLoss', 'orderRate', 'startRate'] })
  rule!: string;

  /**
   * What is guarded.
   * @example 'mode:live'
   */
  @ApiProperty()
  scope!: string;

  /** What is used up. */
  @ApiProperty({ ...AMOUNT_OR_COUNT, example: '120.5' })
  current!: string | number;

  /** At which starts are refused. */
  @ApiProperty({ ...AMOUNT_OR_COUNT, example: '500000' })
  limit!: string | number;

  /** What is left to the limit, never below 0. */
  @ApiProperty({ ...AMOUNT_OR_COUNT, example: '499879.5' })
  headroom!: string | number;
}

export class RiskAnswer {
  @ApiProperty(OK)
  ok!: true;

  /** One for each rule and mode. */
  @ApiProperty()
  items!: RiskItemAnswer[];
}
