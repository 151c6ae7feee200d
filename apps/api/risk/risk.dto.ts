import { ApiProperty } from '@nestjs/swagger';

const AMOUNT_OR_COUNT = { oneOf: [{ type: 'string' }, { type: 'number' }] };

/** A guard with its present value: amounts as decimal text, counts as numbers. */
export class RiskItemAnswer {
  /** @example 'dailyLoss' */
  rule!: string;

  /** @example 'mode:live' */
  scope!: string;

  @ApiProperty({ ...AMOUNT_OR_COUNT, example: '120.5' })
  current!: string | number;

  @ApiProperty({ ...AMOUNT_OR_COUNT, example: '500000' })
  limit!: string | number;

  /** What is left to the limit, never below 0. */
  @ApiProperty({ ...AMOUNT_OR_COUNT, example: '499879.5' })
  headroom!: string | number;
}

export class RiskAnswer {
  ok!: true;

  items!: RiskItemAnswer[];
}
