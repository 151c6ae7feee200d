import { ApiProperty } from '@nestjs/swagger';
import { LIMIT_RULES } from '@interlock/risk-guards';
import { COUNT, DECIMAL_PATTERN, OK } from '../docs/fields.js';

const AMOUNT_OR_COUNT = {
  oneOf: [
    { type: 'string', pattern: DECIMAL_PATTERN },
    { type: 'integer', minimum: 0 },
  ],
};

/** A rule with its present value. Amounts are decimal text, counts and milliseconds are numbers. */
export class RiskItemAnswer {
  /** Which rule; README has what each of them limits. */
  @ApiProperty({ enum: [...LIMIT_RULES, 'startRate'] })
  rule!: string;

  /**
   * What is guarded.
   * @example 'mode:live'
   */
  @ApiProperty()
  scope!: string;

  /** What is used up; null for a rule that looks at each order alone. */
  @ApiProperty({ ...AMOUNT_OR_COUNT, nullable: true, example: '120.5' })
  current!: string | number | null;

  /** At or above which starts and orders are refused. */
  @ApiProperty({ ...AMOUNT_OR_COUNT, example: '500000' })
  limit!: string | number;

  /** What is left to the limit, never below 0; null where there is no present value. */
  @ApiProperty({ ...AMOUNT_OR_COUNT, nullable: true, example: '499879.5' })
  headroom!: string | number | null;
}

export class RiskAnswer {
  @ApiProperty(OK)
  ok!: true;

  /** Rises with every change of limits. */
  @ApiProperty(COUNT)
  version!: number;

  /**
   * One for each limit and scope. A limit over everything is told of each mode, one in a strategy, venue or market of the mode that is
   * nearest to it. Where two limits name one rule and scope, the tighter one refuses.
   */
  @ApiProperty()
  items!: RiskItemAnswer[];
}
